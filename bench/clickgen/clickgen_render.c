/*
 * Text of the three topics' lines. The longest line (longest page twice, longest agent, all
 * optional keys) stays below WENDI_CLICKGEN_LINE_MAX by several hundred bytes.
 */
#include "bench/clickgen/clickgen_render.h"

#include <assert.h>
#include <string.h>

#define PUT(at, text) (memcpy(at, text, sizeof(text) - 1), (at) + sizeof(text) - 1)

static const char hex_digits[] = "0123456789abcdef";

static const wendi_string type_names[WENDI_CLICKGEN_EVENT_TYPE_COUNT] = {
    {"page_view", 9},        {"search", 6},       {"category_view", 13},    {"product_view", 12},
    {"add_to_wishlist", 15}, {"add_to_cart", 11}, {"remove_from_cart", 16}, {"view_cart", 9},
    {"checkout", 8},         {"payment", 7},      {"purchase", 8},          {"login", 5}};

static const wendi_string payments[4] = {{"card", 4}, {"paypal", 6}, {"invoice", 7}, {"upi", 3}};

const char *wendi_clickgen_event_type_name(wendi_clickgen_event_type type)
{
    return (unsigned)type < WENDI_CLICKGEN_EVENT_TYPE_COUNT ? type_names[type].data : "?";
}

void wendi_clickgen_render_init(wendi_clickgen_render *render, const wendi_clickgen_world *world)
{
    render->world = world;
    render->day = INT64_MIN;
}

static char *put_string(char *at, wendi_string text)
{
    memcpy(at, text.data, text.length);
    return at + text.length;
}

static char *put_hex(char *at, uint64_t value, int digits)
{
    for (int k = digits - 1; k >= 0; k--) {
        *at++ = hex_digits[value >> (4 * k) & 15];
    }
    return at;
}

static char *put_uuid(char *at, uint64_t high, uint64_t low)
{
    at = put_hex(at, high >> 32, 8);
    *at++ = '-';
    at = put_hex(at, high >> 16, 4);
    *at++ = '-';
    at = put_hex(at, high, 4);
    *at++ = '-';
    at = put_hex(at, low >> 48, 4);
    *at++ = '-';
    return put_hex(at, low, 12);
}

static char *put_digits(char *at, uint64_t value, int digits)
{
    for (int k = digits - 1; k >= 0; k--) {
        at[k] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

static char *put_number(char *at, uint64_t value)
{
    int digits = 1;
    for (uint64_t rest = value / 10; rest != 0; rest /= 10) {
        digits++;
    }
    return put_digits(at, value, digits);
}

static char *put_cents(char *at, uint64_t cents)
{
    at = put_number(at, cents / 100);
    *at++ = '.';
    return put_digits(at, cents % 100, 2);
}

static char *put_user(char *at, uint64_t user)
{
    *at++ = 'u';
    return user < 10000000 ? put_digits(at, user, 7) : put_number(at, user);
}

static char *put_session(char *at, uint64_t session)
{
    return put_hex(PUT(at, "s_"), session, 16);
}

/* The civil date of a day number, after Howard Hinnant's "chrono-Compatible Low-Level Date
 * Algorithms". */
static void spell_date(wendi_clickgen_render *render, int64_t day)
{
    int64_t shifted = day + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    char *at = render->date;

    at = put_digits(at, (uint64_t)(year_of_era + era * 400 + (month <= 2)), 4);
    *at++ = '-';
    at = put_digits(at, (uint64_t)month, 2);
    *at++ = '-';
    at = put_digits(at, (uint64_t)(day_of_year - (153 * march_month + 2) / 5 + 1), 2);
    *at = 'T';
    render->day = day;
}

static char *put_time(wendi_clickgen_render *render, char *at, int64_t us)
{
    int64_t ms = us / 1000;
    int64_t day = ms / 86400000;
    uint32_t in_day = (uint32_t)(ms % 86400000);

    assert(us >= 0);
    if (day != render->day) {
        spell_date(render, day);
    }
    memcpy(at, render->date, 11);
    at = put_digits(at + 11, in_day / 3600000, 2);
    *at++ = ':';
    at = put_digits(at, in_day / 60000 % 60, 2);
    *at++ = ':';
    at = put_digits(at, in_day / 1000 % 60, 2);
    *at++ = '.';
    at = put_digits(at, in_day % 1000, 3);
    *at++ = 'Z';
    return at;
}

static char *put_referrer(const wendi_clickgen_world *world, char *at, uint32_t referrer)
{
    if (referrer == WENDI_CLICKGEN_REFERRER_NONE) {
        return PUT(at, ",\"referrer\":null");
    }
    at = PUT(at, ",\"referrer\":\"");
    if (referrer >= WENDI_CLICKGEN_REFERRER_SITE) {
        at = put_string(at, world->sites[referrer - WENDI_CLICKGEN_REFERRER_SITE]);
    } else {
        at = put_string(PUT(at, "https://shop.example.com"), world->pages[referrer]);
    }
    *at++ = '"';
    return at;
}

static char *put_ip(char *at, uint32_t ip)
{
    at = put_number(at, 1 + (ip >> 24) % 223);
    for (int shift = 16; shift >= 0; shift -= 8) {
        *at++ = '.';
        at = put_number(at, ip >> shift & 255);
    }
    return at;
}

/* The product that an event is about: the one in the cart from there on, else the one looked at. */
static uint32_t product_of(const wendi_clickgen_session *event)
{
    switch (event->type) {
    case WENDI_CLICKGEN_PRODUCT_VIEW:
    case WENDI_CLICKGEN_WISHLIST:
        return event->product;
    case WENDI_CLICKGEN_ADD_TO_CART:
    case WENDI_CLICKGEN_REMOVE_FROM_CART:
    case WENDI_CLICKGEN_CHECKOUT:
    case WENDI_CLICKGEN_PAYMENT:
    case WENDI_CLICKGEN_PURCHASE:
        return event->cart_product;
    default:
        return WENDI_CLICKGEN_NO_PRODUCT;
    }
}

static char *put_product(const wendi_clickgen_world *world, char *at,
                         const wendi_clickgen_session *event)
{
    uint32_t product = product_of(event);
    if (product == WENDI_CLICKGEN_NO_PRODUCT) {
        return at;
    }
    at = put_string(at, world->products[product]);
    if (event->type >= WENDI_CLICKGEN_ADD_TO_CART) {
        at = PUT(at, ",\"quantity\":");
        *at++ = (char)('0' + event->quantity);
    }
    at = put_string(at, world->currencies[event->city]);
    if (event->type == WENDI_CLICKGEN_PAYMENT || event->type == WENDI_CLICKGEN_PURCHASE) {
        at = put_string(PUT(at, ",\"payment_method\":\""), payments[event->payment]);
        *at++ = '"';
    }
    return at;
}

static char *put_who(char *at, const wendi_clickgen_session *event, const wendi_clickgen_line *line)
{
    at = put_session(PUT(at, ",\"session_id\":\""), event->id);
    if ((line->flags & WENDI_CLICKGEN_NULL_USER) != 0) {
        return PUT(at, "\",\"user_id\":null");
    }
    at = put_user(PUT(at, "\",\"user_id\":\""), event->user);
    *at++ = '"';
    return at;
}

static char *put_click(wendi_clickgen_render *render, const wendi_clickgen_session *event, char *at,
                       const wendi_clickgen_line *line)
{
    const wendi_clickgen_world *world = render->world;

    at = put_uuid(PUT(at, "{\"event_id\":\""), line->event_id_high, line->event_id_low);
    *at++ = '"';
    at = put_who(at, event, line);
    at = put_time(render, PUT(at, ",\"ts\":\""), event->at_us);
    at = put_string(PUT(at, "\",\"event_type\":\""), type_names[event->type]);
    at = put_string(PUT(at, "\",\"page\":\""), world->pages[event->page]);
    *at++ = '"';
    at = put_referrer(world, at, event->referrer);
    at = put_product(world, at, event);
    at = put_ip(PUT(at, ",\"ip\":\""), event->ip);
    *at++ = '"';
    at = put_string(at, world->agents[event->agent]);
    at = put_string(at, world->cities[event->city]);
    if ((line->flags & WENDI_CLICKGEN_NEW_KEYS) != 0) {
        at = PUT(at, ",\"app_version\":\"5.");
        *at++ = (char)('0' + (event->id & 3));
        at = PUT(at, ".0\",\"experiment\":{\"name\":\"one_page\",\"arm\":\"");
        *at++ = (event->user & 1) != 0 ? 'b' : 'a';
        at = PUT(at, "\"}");
    }
    *at++ = '}';
    return at;
}

static char *put_user_event(wendi_clickgen_render *render, const wendi_clickgen_session *event,
                            char *at, const wendi_clickgen_line *line)
{
    static const wendi_string plans[4] = {{"free", 4}, {"free", 4}, {"plus", 4}, {"family", 6}};

    at = put_uuid(PUT(at, "{\"event_id\":\""), line->event_id_high, line->event_id_low);
    *at++ = '"';
    at = put_who(at, event, line);
    at = put_time(render, PUT(at, ",\"ts\":\""), event->at_us);
    at = PUT(at, "\",\"kind\":\"");
    at = (event->id & 7) == 0 ? PUT(at, "sign_up") : PUT(at, "log_in");
    at = put_string(PUT(at, "\",\"attributes\":{\"plan\":\""), plans[event->user >> 3 & 3]);
    at = PUT(at, "\",\"newsletter\":");
    at = (event->user & 4) != 0 ? PUT(at, "true") : PUT(at, "false");
    at = put_ip(PUT(at, ",\"ip\":\""), event->ip);
    at = PUT(at, "\"}");
    at = put_string(at, render->world->cities[event->city]);
    *at++ = '}';
    return at;
}

static char *put_transaction(const wendi_clickgen_render *render,
                             const wendi_clickgen_session *event, char *at,
                             const wendi_clickgen_line *line)
{
    const wendi_clickgen_world *world = render->world;
    uint32_t product = product_of(event);

    assert(product != WENDI_CLICKGEN_NO_PRODUCT);
    at = put_uuid(PUT(at, "{\"transaction_id\":\""), line->event_id_high, line->event_id_low);
    *at++ = '"';
    at = put_who(at, event, line);
    at = put_number(PUT(at, ",\"event_time\":"), (uint64_t)(event->at_us / 1000));
    at = put_string(at, world->products[product]);
    at = PUT(at, ",\"quantity\":");
    *at++ = (char)('0' + event->quantity);
    at =
        put_cents(PUT(at, ",\"amount\":"), (uint64_t)world->price_cents[product] * event->quantity);
    at = put_string(at, world->currencies[event->city]);
    at = put_string(PUT(at, ",\"payment\":{\"method\":\""), payments[event->payment]);
    at = PUT(at, "\",\"status\":\"");
    at = (event->id & 63) == 0 ? PUT(at, "refused") : PUT(at, "captured");
    at = PUT(at, "\"}");
    at = put_string(at, world->cities[event->city]);
    *at++ = '}';
    return at;
}

void wendi_clickgen_render_line(wendi_clickgen_render *render, const wendi_clickgen_session *event,
                                char *space, wendi_clickgen_line *line)
{
    char *end = space;
    switch (line->topic) {
    case WENDI_CLICKGEN_USER_EVENTS:
        end = put_user_event(render, event, space, line);
        break;
    case WENDI_CLICKGEN_TRANSACTIONS:
        end = put_transaction(render, event, space, line);
        break;
    default:
        end = put_click(render, event, space, line);
        break;
    }
    line->length = (uint32_t)(end - space);
    assert(line->length < WENDI_CLICKGEN_LINE_MAX);
}

void wendi_clickgen_render_key(wendi_clickgen_line *line)
{
    char *end = (line->flags & WENDI_CLICKGEN_NULL_USER) != 0
                    ? put_session(line->key, line->session_low)
                    : put_user(line->key, line->user);
    line->key_length = (uint32_t)(end - line->key);
}
