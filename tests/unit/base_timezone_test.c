/* Time zones against libc's own reading of the same files, and PostgreSQL's rule for wall times that are odd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "engine/base/timezone.h"
#include "engine/base/tzif.h"

enum { TIMES_PER_ZONE = 4000 };

static const char *const zone_names[] = {
    "Europe/Berlin",     "Europe/Dublin",       "Europe/Moscow",      "Europe/London",      "Europe/Lisbon",
    "America/New_York",  "America/Los_Angeles", "America/St_Johns",   "America/Sao_Paulo",  "America/Caracas",
    "America/Godthab",   "America/Santiago",    "America/Havana",     "America/Scoresbysund", "Asia/Kolkata",
    "Asia/Kathmandu",    "Asia/Tehran",         "Asia/Gaza",          "Asia/Tokyo",         "Asia/Pyongyang",
    "Africa/Casablanca", "Africa/Cairo",        "Africa/Monrovia",    "Africa/El_Aaiun",    "Australia/Lord_Howe",
    "Australia/Sydney",  "Pacific/Apia",        "Pacific/Chatham",    "Pacific/Kiritimati", "Antarctica/Troll",
    "Antarctica/Casey",  "Etc/GMT+12",          "EST5EDT",            "CET",                "Pacific/Norfolk"};

static uint64_t state = 99;

static uint64_t draw(void)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(state);
}

static const wendi_timezone *find(const char *name)
{
    const wendi_timezone *zone = NULL;
    wend_error error;
    wend_status status = wendi_timezone_find(wendi_string_of(name), &zone, &error);
    if (status != WEND_OK && access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0) {
        print_message("%s: skipped\n", error.message);
        skip();
    }
    assert_int_equal(status, WEND_OK);
    return zone;
}

static void instants_match_libc(void **unused)
{
    (void)unused;
    for (size_t z = 0; z < sizeof zone_names / sizeof zone_names[0]; z++) {
        const wendi_timezone *zone = find(zone_names[z]);
        setenv("TZ", zone_names[z], 1);
        tzset();
        for (int i = 0; i < TIMES_PER_ZONE; i++) {
            /* 1900 to 2100, and every tenth far beyond what is written down */
            int64_t seconds = i % 10 == 0 ? INT64_C(4102444800) + (int64_t)(draw() % 9000000000)
                                          : (int64_t)(draw() % 6311433600) - INT64_C(2208988800);
            time_t libc = (time_t)seconds;
            struct tm parts;
            assert_non_null(localtime_r(&libc, &parts));
            int64_t local = wendi_timezone_to_local(zone, seconds * 1000000 + 17);
            if (local != (seconds + parts.tm_gmtoff) * 1000000 + 17) {
                fail_msg("%s at %lld", zone_names[z], (long long)seconds);
            }
        }
    }
    unsetenv("TZ");
    tzset();
}

/* A wall time that exists once goes there and back; one that exists twice or never is within the shift of the clock. */
static void wall_times_go_back(void **unused)
{
    (void)unused;
    for (size_t z = 0; z < sizeof zone_names / sizeof zone_names[0]; z++) {
        const wendi_timezone *zone = find(zone_names[z]);
        for (int i = 0; i < TIMES_PER_ZONE; i++) {
            int64_t utc = ((int64_t)(draw() % 6311433600) - INT64_C(2208988800)) * 1000000;
            int64_t local = wendi_timezone_to_local(zone, utc);
            int64_t back = wendi_timezone_to_utc(zone, local);
            assert_true(wendi_timezone_to_local(zone, back) == local);
            assert_true(llabs(back - utc) <= INT64_C(86400000000));
        }
    }
}

static int64_t seconds_of(const wendi_timezone *zone, int year, int month, int day, int hour, int minute)
{
    struct tm parts = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    return wendi_timezone_to_utc(zone, (int64_t)timegm(&parts) * 1000000) / 1000000;
}

static int64_t utc(int year, int month, int day, int hour, int minute)
{
    return seconds_of(wendi_timezone_utc(), year, month, day, hour, minute);
}

static void odd_wall_times_follow_postgresql(void **unused)
{
    (void)unused;
    const wendi_timezone *new_york = find("America/New_York");
    const wendi_timezone *berlin = find("Europe/Berlin");
    const wendi_timezone *moscow = find("Europe/Moscow");
    const wendi_timezone *apia = find("Pacific/Apia");
    /* Spring forward: 02:30 never was; with the offset before it is 03:30 summer time. */
    assert_int_equal(seconds_of(new_york, 2024, 3, 10, 2, 30), utc(2024, 3, 10, 7, 30));
    assert_int_equal(seconds_of(berlin, 2024, 3, 31, 2, 30), utc(2024, 3, 31, 1, 30));
    /* Fall back: 01:30 was twice; standard time is meant. */
    assert_int_equal(seconds_of(new_york, 2024, 11, 3, 1, 30), utc(2024, 11, 3, 6, 30));
    assert_int_equal(seconds_of(berlin, 2024, 10, 27, 2, 30), utc(2024, 10, 27, 1, 30));
    /* Both offsets are standard time here. */
    assert_int_equal(seconds_of(moscow, 2014, 10, 26, 1, 30), utc(2014, 10, 25, 22, 30));
    /* On either side of the change nothing is odd, the instant itself included. */
    assert_int_equal(seconds_of(new_york, 2024, 3, 10, 1, 59), utc(2024, 3, 10, 6, 59));
    assert_int_equal(seconds_of(new_york, 2024, 3, 10, 3, 0), utc(2024, 3, 10, 7, 0));
    assert_int_equal(seconds_of(new_york, 2024, 11, 3, 2, 0), utc(2024, 11, 3, 7, 0));
    /* Beyond the list of changes the rule decides. */
    assert_int_equal(seconds_of(berlin, 2150, 7, 1, 12, 0), utc(2150, 7, 1, 10, 0));
    /* A day that never was. */
    assert_int_equal(seconds_of(apia, 2011, 12, 30, 12, 0), utc(2011, 12, 30, 22, 0));
}

static void names_are_found(void **unused)
{
    (void)unused;
    assert_ptr_equal(find("UTC"), wendi_timezone_utc());
    assert_ptr_equal(find("gmt"), wendi_timezone_utc());
    assert_ptr_equal(find("Europe/Berlin"), find("Europe/Berlin"));
    assert_ptr_equal(find("europe/BERLIN"), find("Europe/Berlin"));
    assert_string_equal(wendi_timezone_name(find("asia/kolkata")), "Asia/Kolkata");
    assert_true(wendi_timezone_to_local(find("+05:30"), 0) == INT64_C(19800000000));
    assert_true(wendi_timezone_to_local(find("-0330"), 0) == INT64_C(-12600000000));
    assert_true(wendi_timezone_to_utc(find("-08"), 0) == INT64_C(28800000000));
    assert_true(wendi_timezone_to_local(find("+5"), INT64_MAX - 5) == INT64_MAX);
}

static void bad_names_are_refused(void **unused)
{
    (void)unused;
    static const char *const names[] = {"",
                                        "Mars/Phobos",
                                        "../../etc/passwd",
                                        "/etc/passwd",
                                        "Europe/../Europe/Berlin",
                                        "Europe//Berlin",
                                        "Europe/",
                                        "Europe",
                                        "./UTC",
                                        ".hidden",
                                        "zone.tab",
                                        "tzdata.zi",
                                        "+25",
                                        "+05:3",
                                        "+05:99",
                                        "5",
                                        "Europe/Berlin ",
                                        "Europe/Berlin\n",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const wendi_timezone *zone = NULL;
        wend_error error = {0};
        if (wendi_timezone_find(wendi_string_of(names[i]), &zone, &error) != WEND_INVALID) {
            fail_msg("\"%s\" was taken", names[i]);
        }
        assert_null(zone);
        assert_non_null(strstr(error.message, "zoneinfo"));
        assert_true(error.hint[0] != '\0');
    }
}

static void *find_all(void *unused)
{
    (void)unused;
    intptr_t sum = 0;
    for (size_t z = 0; z < sizeof zone_names / sizeof zone_names[0]; z++) {
        const wendi_timezone *zone = NULL;
        if (wendi_timezone_find(wendi_string_of(zone_names[z]), &zone, NULL) == WEND_OK) {
            sum += (intptr_t)zone;
        }
    }
    return (void *)sum;
}

static void threads_find_the_same(void **unused)
{
    (void)unused;
    pthread_t threads[4];
    void *sums[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, find_all, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &sums[i]);
        assert_ptr_equal(sums[i], sums[0]);
    }
}

/* Damaged files must be refused or read, never harm: every byte of one changed and every length tried. */
static void damaged_files_do_no_harm(void **unused)
{
    (void)unused;
    static uint8_t original[65536];
    static uint8_t damaged[65536];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    if (file == NULL) {
        skip();
    }
    size_t length = fread(original, 1, sizeof original, file);
    fclose(file);
    wendi_tz_data data;
    assert_int_equal(wendi_tzif_parse(original, length, &data), WEND_OK);
    assert_true(data.rule.daylight && data.transition_count > 100);
    wendi_tzif_free(&data);
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *exact = malloc(cut != 0 ? cut : 1); /* so that a read beyond is seen */
        memcpy(exact, original, cut);
        assert_int_not_equal(wendi_tzif_parse(exact, cut, &data), WEND_OK);
        free(exact);
    }
    for (size_t place = 0; place < length; place++) {
        static const uint8_t changes[] = {0x01, 0x80, 0xff};
        for (size_t c = 0; c < sizeof changes; c++) {
            memcpy(damaged, original, length);
            damaged[place] ^= changes[c];
            if (wendi_tzif_parse(damaged, length, &data) == WEND_OK) {
                wendi_tzif_free(&data);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_find_the_same),   cmocka_unit_test(instants_match_libc),
        cmocka_unit_test(wall_times_go_back),      cmocka_unit_test(odd_wall_times_follow_postgresql),
        cmocka_unit_test(names_are_found),         cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
