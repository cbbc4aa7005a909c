/* The CMOS clock (Motorola MC146818A): read once at boot, for the time of day in whole seconds. */
#include "clock.h"
#include "cpu_local.h"

enum { INDEX = 0x70, DATA = 0x71, NMI_OFF = 0x80, READ_TRIES = 4, UPDATE_TRIES = 100000 };
enum { SECONDS = 0, MINUTES = 2, HOURS = 4, DAY = 7, MONTH = 8, YEAR = 9, STATUS_A = 10, STATUS_B = 11 };
enum { UPDATING = 0x80, BINARY = 4, HOURS_24 = 2, PM = 0x80 };

struct date {
    uint8_t second, minute, hour, day, month, year;
};

static uint8_t cmos_read(uint8_t reg)
{
    io_write8(INDEX, reg | NMI_OFF);
    return io_read8(DATA);
}

static bool read_date(struct date *date)
{
    for (unsigned i = 0; cmos_read(STATUS_A) & UPDATING; i++)
        if (i == UPDATE_TRIES)
            return false;
    *date = (struct date){cmos_read(SECONDS), cmos_read(MINUTES), cmos_read(HOURS),
                          cmos_read(DAY),     cmos_read(MONTH),   cmos_read(YEAR)};
    return true;
}

static bool is_same(const struct date *a, const struct date *b)
{
    return a->second == b->second && a->minute == b->minute && a->hour == b->hour && a->day == b->day;
}

static uint8_t from_bcd(uint8_t value)
{
    return (uint8_t)((value >> 4) * 10 + (value & 15));
}

static void decode(struct date *d, uint8_t status_b)
{
    bool is_pm = !(status_b & HOURS_24) && d->hour & PM;
    d->hour &= 0x7f;
    if (!(status_b & BINARY))
        *d = (struct date){from_bcd(d->second), from_bcd(d->minute), from_bcd(d->hour),
                           from_bcd(d->day),    from_bcd(d->month),  from_bcd(d->year)};
    if (!(status_b & HOURS_24))
        d->hour = (uint8_t)(d->hour % 12 + (is_pm ? 12 : 0));
}

/* Days since 1970-01-01 of a date in the Gregorian calendar: years begin in March, so that leap days come last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era_year = year % 400, era = year / 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year - 719468;
}

bool rtc_read(int64_t *seconds)
{
    struct date date, again;
    unsigned i = 0;
    do {
        if (i++ == READ_TRIES || !read_date(&date) || !read_date(&again))
            return false;
    } while (!is_same(&date, &again));
    decode(&date, cmos_read(STATUS_B));
    io_write8(INDEX, 0); /* lets NMIs through again */
    if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31 || date.hour > 23 || date.minute > 59)
        return false;
    *seconds = days_since_1970(2000 + date.year, date.month, date.day) * 86400 + date.hour * 3600 + date.minute * 60 +
               date.second;
    return true;
}
