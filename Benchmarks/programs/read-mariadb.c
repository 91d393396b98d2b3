/* The reading floor: a table through a prepared statement (binary protocol), unbuffered, every row discarded.
 * usage: read-mariadb PORT DATABASE TABLE */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc != 4) return 64;
    MYSQL *m = mysql_init(NULL);
    mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(m, "127.0.0.1", "root", "pw", argv[2], atoi(argv[1]), NULL, 0)) { fputs(mysql_error(m), stderr); return 1; }
    char sql[300];
    int n = snprintf(sql, sizeof sql, "SELECT * FROM `%s`", argv[3]);
    MYSQL_STMT *s = mysql_stmt_init(m);
    if (mysql_stmt_prepare(s, sql, n) || mysql_stmt_execute(s)) { fputs(mysql_stmt_error(s), stderr); return 1; }
    unsigned long rows = 0;
    int code;
    while ((code = mysql_stmt_fetch(s)) == 0 || code == MYSQL_DATA_TRUNCATED) rows++;
    if (code != MYSQL_NO_DATA) { fputs(mysql_stmt_error(s), stderr); return 1; }
    printf("%lu\n", rows);
    return 0;
}
