/* Naive decoders for tests; nothing here is shared with the encoders. */
#include "tests/support/parquet_naive.h"

#include <stdio.h>
#include <string.h>

typedef struct reader {
    const uint8_t *data;
    size_t length;
    size_t at;
    bool is_broken;
} reader;

static uint8_t next_byte(reader *in)
{
    if (in->at >= in->length) {
        in->is_broken = true;
        return 0;
    }
    return in->data[in->at++];
}

static uint64_t next_varint(reader *in)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = next_byte(in);

        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    in->is_broken = true;
    return 0;
}

static int64_t next_zigzag(reader *in)
{
    uint64_t value = next_varint(in);

    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static uint64_t bits_at(const reader *in, size_t bit, unsigned width)
{
    uint64_t value = 0;

    for (unsigned b = 0; b < width; b++) {
        size_t at = bit + b;

        value |= (uint64_t)(in->data[in->at + at / 8] >> (at % 8) & 1) << b;
    }
    return value;
}

size_t parquet_naive_rle(const uint8_t *data, size_t length, unsigned width, uint32_t *values,
                         size_t count)
{
    reader in = {.data = data, .length = length};
    size_t done = 0;

    while (done < count && !in.is_broken) {
        uint64_t head = next_varint(&in);

        if ((head & 1) != 0) {
            size_t groups = head >> 1;

            if (groups == 0 || groups * width > in.length - in.at) {
                return 0;
            }
            for (size_t i = 0; i < groups * 8; i++) {
                uint32_t value = (uint32_t)bits_at(&in, i * width, width);

                if (done < count) {
                    values[done++] = value;
                } else if (value != 0) {
                    return 0; /* padding must be zeros here */
                }
            }
            in.at += groups * width;
        } else {
            uint32_t value = 0;

            for (unsigned b = 0; b < (width + 7) / 8; b++) {
                value |= (uint32_t)next_byte(&in) << (8 * b);
            }
            if (head >> 1 == 0 || head >> 1 > count - done) {
                return 0;
            }
            for (size_t i = 0; i < head >> 1; i++) {
                values[done++] = value;
            }
        }
    }
    return in.is_broken ? 0 : in.at;
}

size_t parquet_naive_delta(const uint8_t *data, size_t length, bool is_i32, int64_t *values,
                           size_t count)
{
    reader in = {.data = data, .length = length};
    uint64_t block = next_varint(&in);
    uint64_t miniblocks = next_varint(&in);
    uint64_t total = next_varint(&in);
    uint64_t last = (uint64_t)next_zigzag(&in);
    size_t done = 0;
    uint8_t widths[256];

    if (in.is_broken || total != count || block % 128 != 0 || miniblocks == 0 || miniblocks > 256 ||
        block % miniblocks != 0 || block / miniblocks % 32 != 0) {
        return 0;
    }
    if (count > 0) {
        values[done++] = (int64_t)last;
    }
    while (done < count && !in.is_broken) {
        uint64_t smallest = (uint64_t)next_zigzag(&in);

        for (uint64_t m = 0; m < miniblocks; m++) {
            widths[m] = next_byte(&in);
        }
        for (uint64_t m = 0; m < miniblocks && done < count; m++) {
            size_t in_miniblock = block / miniblocks;

            if (widths[m] > (is_i32 ? 32 : 64) ||
                in_miniblock / 8 * widths[m] > in.length - in.at) {
                return 0;
            }
            for (size_t i = 0; i < in_miniblock && done < count; i++) {
                last += smallest + bits_at(&in, i * widths[m], widths[m]);
                values[done++] = is_i32 ? (int32_t)(uint32_t)last : (int64_t)last;
            }
            in.at += in_miniblock / 8 * widths[m];
        }
    }
    return in.is_broken ? 0 : in.at;
}

typedef struct printer {
    char *text;
    size_t size;
    size_t at;
} printer;

static void put(printer *out, const char *text)
{
    int length = snprintf(out->text + out->at, out->size - out->at, "%s", text);

    out->at += (size_t)length < out->size - out->at ? (size_t)length : out->size - out->at - 1;
}

static void print_struct(reader *in, printer *out);

static void print_value(reader *in, printer *out, unsigned type)
{
    char number[32];

    if (type == 1 || type == 2) {
        put(out, next_byte(in) == 1 ? "T" : "F");
    } else if (type == 3) {
        (void)snprintf(number, sizeof(number), "%d", (int8_t)next_byte(in));
        put(out, number);
    } else if (type >= 4 && type <= 6) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)next_zigzag(in));
        put(out, number);
    } else if (type == 8) {
        uint64_t count = next_varint(in);

        put(out, "'");
        for (uint64_t i = 0; i < count && !in->is_broken; i++) {
            char character[2] = {(char)next_byte(in), '\0'};

            put(out, character);
        }
        put(out, "'");
    } else if (type == 9) {
        uint8_t head = next_byte(in);
        uint64_t count = head >> 4 == 15 ? next_varint(in) : head >> 4;

        put(out, "[");
        for (uint64_t i = 0; i < count && !in->is_broken; i++) {
            put(out, i > 0 ? "," : "");
            print_value(in, out, head & 15);
        }
        put(out, "]");
    } else if (type == 12) {
        print_struct(in, out);
    } else {
        in->is_broken = true;
    }
}

static void print_struct(reader *in, printer *out)
{
    int64_t id = 0;
    bool is_first = true;
    uint8_t head;

    put(out, "{");
    while ((head = next_byte(in)) != 0 && !in->is_broken) {
        char label[32];

        id = head >> 4 != 0 ? id + (head >> 4) : next_zigzag(in);
        (void)snprintf(label, sizeof(label), "%s%lld:", is_first ? "" : ",", (long long)id);
        put(out, label);
        is_first = false;
        if ((head & 15) <= 2) {
            put(out, (head & 15) == 1 ? "T" : "F");
        } else {
            print_value(in, out, head & 15);
        }
    }
    put(out, "}");
}

size_t parquet_naive_thrift(const uint8_t *data, size_t length, char *text, size_t text_bytes)
{
    reader in = {.data = data, .length = length};
    printer out = {.text = text, .size = text_bytes};

    text[0] = '\0';
    print_struct(&in, &out);
    return in.is_broken ? 0 : in.at;
}
