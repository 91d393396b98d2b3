// MariaDB Connector/C (LGPL-2.1), Debian package libmariadb-dev.
#include <mysql.h>
#include <errmsg.h>
#include <mysqld_error.h>

// Variadic C functions cannot be called from Swift; these are their fixed forms.
static inline int apus_mysql_optionsv_ptr(MYSQL *m, enum mysql_option o, const void *v) { return mysql_optionsv(m, o, v); }
static inline int apus_mysql_get_fd(MYSQL *m) { return (int)mysql_get_socket(m); }
// Where libmariadb leaves the raw bytes of a column after mysql_stmt_fetch without bound results.
static inline unsigned char *apus_stmt_raw(MYSQL_STMT *s, unsigned int c) { return s->bind[c].u.row_ptr; }
static inline int apus_stmt_raw_is_null(MYSQL_STMT *s, unsigned int c) { return s->bind[c].is_null_value; }
