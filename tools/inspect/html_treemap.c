/*
 * Bytes by column as areas: a squarified treemap (Bruls, Huizing, van Wijk: "Squarified treemaps",
 * 2000), each column cut into its parts.
 */
#include <inttypes.h>

#include "engine/base/alloc.h"
#include "tools/inspect/html_page.h"

enum { WIDTH = 1200, HEIGHT = 520 };

typedef struct box {
    double x;
    double y;
    double width;
    double height;
} box;

/* The worst ratio of sides when areas of `sum`, from `least` to `greatest`, share a row along
 * `side`. */
static double worst_ratio(double sum, double least, double greatest, double side)
{
    double wide = side * side * greatest / (sum * sum);
    double narrow = sum * sum / (side * side * least);
    return wide > narrow ? wide : narrow;
}

/* How many of the next areas make the best row along the shorter side; their sum. */
static uint32_t take_row(const double *areas, uint32_t count, double side, double *sum_out)
{
    double sum = areas[0];
    double best = worst_ratio(sum, areas[0], areas[0], side);
    uint32_t taken = 1;
    while (taken < count) {
        double next = worst_ratio(sum + areas[taken], areas[taken], areas[0], side);
        if (next > best) {
            break;
        }
        best = next;
        sum += areas[taken++];
    }
    *sum_out = sum;
    return taken;
}

/* Lay areas (largest first, together the size of `free`) out as boxes. */
static void squarify(const double *areas, uint32_t count, box free, box *boxes)
{
    uint32_t done = 0;
    while (done < count) {
        bool column = free.width >= free.height; /* the row stands upright at the left */
        double side = column ? free.height : free.width;
        double sum;
        uint32_t taken = take_row(areas + done, count - done, side, &sum);
        double thick = side > 0 ? sum / side : 0;
        double at = column ? free.y : free.x;
        for (uint32_t i = done; i < done + taken; i++) {
            double length = thick > 0 ? areas[i] / thick : 0;
            boxes[i] = column ? (box){free.x, at, thick, length} : (box){at, free.y, length, thick};
            at += length;
        }
        free = column ? (box){free.x + thick, free.y, free.width - thick, free.height}
                      : (box){free.x, free.y + thick, free.width, free.height - thick};
        done += taken;
    }
}

static void title_column(const column_total *column, const map_total *total, FILE *out)
{
    char number[32];
    char type[48];
    double rows = total->row_count == 0 ? 1 : (double)total->row_count;
    fputs("<title>", out);
    html_string(column->name, out);
    fprintf(out, " (%s): %s bytes, %.3f a row", wendi_type_name(column->type, type),
            html_number(column_total_bytes(column), number),
            (double)column_total_bytes(column) / rows);
    for (int part = 0; part < PART_COUNT; part++) {
        if (column->parts[part] > 0) {
            fprintf(out, "\n%s %s", map_part_names[part], html_number(column->parts[part], number));
        }
    }
    fputs("</title>", out);
}

static void draw_parts(const column_total *column, box at, FILE *out)
{
    double bytes = (double)column_total_bytes(column);
    bool across = at.width >= at.height;
    double done = 0;
    for (int part = 0; part < PART_COUNT; part++) {
        double share = (double)column->parts[part] / bytes;
        box cut = across ? (box){at.x + done * at.width, at.y, share * at.width, at.height}
                         : (box){at.x, at.y + done * at.height, at.width, share * at.height};
        done += share;
        if (cut.width > 0.05 && cut.height > 0.05) {
            fprintf(out,
                    "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>",
                    html_part_classes[part], cut.x, cut.y, cut.width, cut.height);
        }
    }
}

static void draw_column(const column_total *column, const map_total *total, box at, FILE *out)
{
    char size[32];
    double rows = total->row_count == 0 ? 1 : (double)total->row_count;
    fputs("<g class=\"cell\">", out);
    title_column(column, total, out);
    draw_parts(column, at, out);
    fprintf(out, "<rect class=\"edge\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>",
            at.x, at.y, at.width, at.height);
    if (at.width >= 34 && at.height >= 18) {
        fprintf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", at.x + 6, at.y + 16);
        html_cut(column->name, (uint32_t)((at.width - 8) / 8.2), out);
        fputs("</text>", out);
    }
    if (at.width >= 80 && at.height >= 36) {
        fprintf(out, "<text class=\"sub\" x=\"%.1f\" y=\"%.1f\">%s</text>", at.x + 6, at.y + 32,
                html_size(column_total_bytes(column), size));
    }
    if (at.width >= 90 && at.height >= 52) {
        fprintf(out, "<text class=\"sub\" x=\"%.1f\" y=\"%.1f\">%.2f B/row</text>", at.x + 6,
                at.y + 47, (double)column_total_bytes(column) / rows);
    }
    fputs("</g>\n", out);
}

void html_treemap(const map_total *total, FILE *out)
{
    uint32_t *order = html_by_size(total);
    double *areas = wendi_alloc(total->column_count * sizeof *areas);
    box *boxes = wendi_alloc(total->column_count * sizeof *boxes);
    uint64_t sum = total->column_bytes + total->dictionary_bytes + total->prediction_bytes;
    uint32_t count = 0;
    if (order != NULL && areas != NULL && boxes != NULL && sum > 0) {
        while (count < total->column_count &&
               column_total_bytes(&total->columns[order[count]]) > 0) {
            areas[count] = (double)column_total_bytes(&total->columns[order[count]]) / (double)sum *
                           WIDTH * HEIGHT;
            count++;
        }
        squarify(areas, count, (box){0, 0, WIDTH, HEIGHT}, boxes);
    }
    fprintf(
        out,
        "<svg class=\"map\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"bytes by column\">\n",
        WIDTH, HEIGHT);
    for (uint32_t i = 0; i < count; i++) {
        draw_column(&total->columns[order[i]], total, boxes[i], out);
    }
    fputs("</svg>\n", out);
    wendi_free(order);
    wendi_free(areas);
    wendi_free(boxes);
}
