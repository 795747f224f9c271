/* common/base/clock.c - clocks, and stamps worked out without the C library's shared state. */
#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define MS_PER_DAY INT64_C(86400000)

/* Years 0000 to 9999, all that four digits can say. */
#define WALL_MIN_MS INT64_C(-62167219200000)
#define WALL_MAX_MS INT64_C(253402300799999)

struct stamp {
	int year, month, day, weekday, hour, minute, second, ms; /* weekday 0 = Sunday */
};

static int64_t clock_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_wall_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

/*
 * Days since 1970 to a date, counting in eras of 400 years whose years begin on 1 March, so that
 * the leap day is the last of a year and month lengths repeat every five months.
 */
static void stamp_set_date(struct stamp *t, int64_t days)
{
	int64_t since = days + 719468; /* since 0000-03-01 */
	int64_t era = (since >= 0 ? since : since - 146096) / 146097;
	int64_t of_era = since - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* 0 = March */
	int64_t weekday = (days + 4) % 7;        /* 1970-01-01 was a Thursday */

	t->day = (int)(of_year - (153 * month + 2) / 5 + 1);
	t->month = (int)(month < 10 ? month + 3 : month - 9);
	t->year = (int)(year + era * 400 + (t->month <= 2));
	t->weekday = (int)(weekday < 0 ? weekday + 7 : weekday);
}

static struct stamp stamp_of(int64_t wall_ms)
{
	struct stamp t;
	int64_t days, rest;

	if (wall_ms < WALL_MIN_MS)
		wall_ms = WALL_MIN_MS;
	if (wall_ms > WALL_MAX_MS)
		wall_ms = WALL_MAX_MS;
	days = wall_ms / MS_PER_DAY;
	rest = wall_ms % MS_PER_DAY;
	if (rest < 0) {
		days--;
		rest += MS_PER_DAY;
	}
	stamp_set_date(&t, days);
	t.hour = (int)(rest / 3600000);
	t.minute = (int)(rest / 60000 % 60);
	t.second = (int)(rest / 1000 % 60);
	t.ms = (int)(rest % 1000);
	return t;
}

static char *put_digits(char *out, int value, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + count;
}

static char *put_text(char *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*out++ = text[i];
	return out;
}

static char *put_time(char *out, const struct stamp *t)
{
	out = put_digits(out, t->hour, 2);
	*out++ = ':';
	out = put_digits(out, t->minute, 2);
	*out++ = ':';
	return put_digits(out, t->second, 2);
}

void clock_iso(int64_t wall_ms, char *out)
{
	struct stamp t = stamp_of(wall_ms);

	out = put_digits(out, t.year, 4);
	*out++ = '-';
	out = put_digits(out, t.month, 2);
	*out++ = '-';
	out = put_digits(out, t.day, 2);
	*out++ = 'T';
	out = put_time(out, &t);
	*out++ = '.';
	out = put_digits(out, t.ms, 3);
	*out++ = 'Z';
	*out = '\0';
}

void clock_http_date(int64_t wall_ms, char *out)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct stamp t = stamp_of(wall_ms);

	out = put_text(out, days[t.weekday], 3);
	out = put_text(out, ", ", 2);
	out = put_digits(out, t.day, 2);
	*out++ = ' ';
	out = put_text(out, months[t.month - 1], 3);
	*out++ = ' ';
	out = put_digits(out, t.year, 4);
	*out++ = ' ';
	out = put_time(out, &t);
	out = put_text(out, " GMT", 4);
	*out = '\0';
}

/* The inverse of stamp_set_date. */
static int64_t days_of(int year, int month, int day)
{
	int64_t shifted = year - (month <= 2);
	int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
	int64_t of_era = shifted - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* What is left of a text that is read. */
struct scan {
	const char *at, *end;
	bool bad;
};

static int take_digits(struct scan *s, int count, int max)
{
	int value = 0;

	for (; count > 0; count--, s->at++) {
		if (s->at == s->end || *s->at < '0' || *s->at > '9') {
			s->bad = true;
			return 0;
		}
		value = 10 * value + (*s->at - '0');
	}
	s->bad |= value > max;
	return value;
}

static char take_one_of(struct scan *s, const char *set)
{
	for (; s->at < s->end && *set; set++)
		if (*s->at == *set)
			return *s->at++;
	s->bad = true;
	return 0;
}

/* ".5", ".123456": what is finer than a millisecond is left out. */
static int take_fraction(struct scan *s)
{
	int ms = 0, unit = 100;

	if (s->at == s->end || *s->at != '.')
		return 0;
	s->at++;
	do {
		ms += take_digits(s, 1, 9) * unit;
		unit /= 10;
	} while (!s->bad && s->at < s->end && *s->at >= '0' && *s->at <= '9');
	return ms;
}

/* Minutes that local time is ahead. */
static int take_zone(struct scan *s)
{
	char sign = take_one_of(s, "Zz+-");
	int minutes;

	if (sign != '+' && sign != '-')
		return 0;
	minutes = 60 * take_digits(s, 2, 23);
	take_one_of(s, ":");
	minutes += take_digits(s, 2, 59);
	return sign == '-' ? -minutes : minutes;
}

int clock_parse(const char *text, size_t len, int64_t *wall_ms)
{
	struct scan s = { text, text + len, false };
	struct stamp t = { .weekday = 0 };
	int ahead;

	t.year = take_digits(&s, 4, 9999);
	take_one_of(&s, "-");
	t.month = take_digits(&s, 2, 12);
	take_one_of(&s, "-");
	t.day = take_digits(&s, 2, 31);
	take_one_of(&s, "Tt ");
	t.hour = take_digits(&s, 2, 23);
	take_one_of(&s, ":");
	t.minute = take_digits(&s, 2, 59);
	take_one_of(&s, ":");
	t.second = take_digits(&s, 2, 60);
	t.ms = take_fraction(&s);
	ahead = take_zone(&s);
	if (s.bad || s.at != s.end || t.month < 1 || t.day < 1 || t.day > days_in(t.year, t.month))
		return -1;
	*wall_ms = days_of(t.year, t.month, t.day) * MS_PER_DAY + t.hour * INT64_C(3600000) +
		   (t.minute - ahead) * INT64_C(60000) + t.second * INT64_C(1000) + t.ms;
	return 0;
}
