#define _GNU_SOURCE
/* Writes the benches' table, seeded, in two shapes: LOAD DATA / COPY text, and CSV with a header.
 * usage: generate ROWS SEED TEXTFILE CSVFILE        ('-' for a file not wanted)
 * A NULL is \N in the text and an empty unquoted field in the CSV; no text value is empty. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t state;
static uint64_t next(void) { /* SplitMix64 */
    uint64_t z = (state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static const char *names[] = {"Ada", "Grace", "Edsger", "Barbara", "Donald", "Leslie", "Frances", "Tony", "José", "Zoë", "李雷", "韩梅梅"};
static const char *towns[] = {"Lisbon", "Nairobi", "São Paulo", "Kyoto", "Oslo", "杭州", "Tbilisi", "Quito"};
static const char *notes[] = {
    "plain words, nothing to escape", "a tab\there and\tthere", "two\nlines", "she said \"yes\", he said 'no'",
    "back\\slash and \\N that is no NULL", "雨燕飞过大陆，不落地", "emoji \xF0\x9F\x90\xA6\xF0\x9F\x8C\x8D here", "mixed: 价格\t\"12,50 €\"\n\\end"};
static const char *words[] = {"migratory", "swift", "crosses", "continents", "without", "landing", "sleeping", "on", "the", "wing", "for", "ten", "months"};

static char *put(char *out, const char *s) { size_t n = strlen(s); memcpy(out, s, n); return out + n; }

static char *put_text(char *out, const char *s) {
    for (; *s; s++) switch (*s) {
        case '\t': *out++ = '\\'; *out++ = 't'; break;
        case '\n': *out++ = '\\'; *out++ = 'n'; break;
        case '\\': *out++ = '\\'; *out++ = '\\'; break;
        default: *out++ = *s;
    }
    return out;
}

static char *put_csv(char *out, const char *s) {
    if (!strpbrk(s, ",\"\n\r")) return put(out, s);
    *out++ = '"';
    for (; *s; s++) { if (*s == '"') *out++ = '"'; *out++ = *s; }
    *out++ = '"';
    return out;
}

static char *number(char *out, uint64_t v, int width) {
    char digits[20]; int n = 0;
    do { digits[n++] = '0' + v % 10; v /= 10; } while (v || n < width);
    while (n) *out++ = digits[--n];
    return out;
}

static char *date_of(char *out, int64_t days) { /* civil from days, Howard Hinnant's algorithm */
    days += 719468;
    int64_t era = days / 146097; unsigned doe = days - era * 146097;
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153, d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
    out = number(out, yoe + era * 400 + (m <= 2), 4); *out++ = '-';
    out = number(out, m, 2); *out++ = '-';
    return number(out, d, 2);
}

static char *time_of(char *out, uint64_t seconds) {
    out = date_of(out, seconds / 86400); seconds %= 86400; *out++ = ' ';
    out = number(out, seconds / 3600, 2); *out++ = ':';
    out = number(out, seconds / 60 % 60, 2); *out++ = ':';
    return number(out, seconds % 60, 2);
}

static FILE *create(const char *path) {
    if (!strcmp(path, "-")) return NULL;
    FILE *f = fopen(path, "w");
    if (!f) { perror(path); exit(1); }
    setvbuf(f, NULL, _IOFBF, 1 << 20);
    return f;
}

int main(int argc, char **argv) {
    if (argc != 5) { fprintf(stderr, "usage: generate ROWS SEED TEXTFILE CSVFILE\n"); return 64; }
    uint64_t rows = strtoull(argv[1], NULL, 10);
    state = strtoull(argv[2], NULL, 10);
    FILE *text = create(argv[3]), *csv = create(argv[4]);
    if (csv) fputs("id,n,name,flag,amount,ratio,note,seen,stamp,born,payload\n", csv);
    static char line[4096], field[11][512];
    for (uint64_t id = 1; id <= rows; id++) {
        uint64_t a = next(), b = next(), c = next(), d = next();
        char *p;
        *number(field[0], id, 1) = 0;
        p = field[1]; if (a & 1) *p++ = '-'; *number(p, (a >> 1) % 2147483647, 1) = 0;
        p = put(field[2], names[(a >> 40) % 12]); *p++ = ' '; p = put(p, towns[(a >> 48) % 8]); *p++ = ' '; *number(p, b % 100000, 1) = 0;
        *number(field[3], b >> 60, 1) = 0;
        p = field[4]; if (b & 4) *p++ = '-'; p = number(p, (b >> 8) % 999999999, 1); *p++ = '.'; *number(p, (b >> 40) % 100, 2) = 0;
        int has_ratio = c % 5 != 0, has_note = (c >> 8) % 3 != 0;
        /* Plain decimals of 6 to 15 digits: every system prints them alike, so checksums can be compared. */
        p = field[5]; if (c & 1 << 20) *p++ = '-'; p = number(p, (c >> 24) % 1000000 + 1, 1); *p++ = '.';
        p = number(p, d % 100000000, 8); *p++ = '1' + d % 9; *p = 0;
        p = put(field[6], notes[(c >> 16) % 8]); *p++ = ' '; *number(p, c >> 50, 1) = 0;
        p = time_of(field[7], 946684800 + (c >> 12) % 900000000); *p++ = '.'; *number(p, d >> 44 & 0x7ffff, 6) = 0;
        *time_of(field[8], 946684800 + (d >> 10) % 900000000) = 0;
        *date_of(field[9], (int64_t)(d % 30000)) = 0;
        p = field[10];
        for (int i = 0; i < 8; i++) { p = put(p, words[(a * (i + 3) >> 32 ^ d >> i) % 13]); *p++ = ' '; }
        *number(p, d >> 8 & 0xffffff, 8) = 0;
        for (int shape = 0; shape < 2; shape++) {
            FILE *f = shape ? csv : text;
            if (!f) continue;
            p = line;
            for (int i = 0; i < 11; i++) {
                int null = (i == 5 && !has_ratio) || (i == 6 && !has_note);
                if (null) p = put(p, shape ? "" : "\\N");
                else p = shape ? put_csv(p, field[i]) : put_text(p, field[i]);
                *p++ = i < 10 ? (shape ? ',' : '\t') : '\n';
            }
            fwrite_unlocked(line, 1, p - line, f);
        }
    }
    if ((text && fclose(text)) || (csv && fclose(csv))) { perror("write"); return 1; }
    return 0;
}
