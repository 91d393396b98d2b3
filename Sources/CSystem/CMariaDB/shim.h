// MariaDB Connector/C (LGPL-2.1), Debian package libmariadb-dev.
#include <mysql.h>
#include <errmsg.h>
#include <mysqld_error.h>

// Variadic C functions cannot be called from Swift; these are their fixed forms.
static inline int apus_mysql_optionsv_ptr(MYSQL *m, enum mysql_option o, const void *v) { return mysql_optionsv(m, o, v); }
static inline int apus_mysql_get_fd(MYSQL *m) { return (int)mysql_get_socket(m); }

// The next packet of the result set of an executed statement, in libmariadb's own network buffer: valid until the
// next call. Returns its length, or -1 after an error (see mysql_errno). A packet that begins with 0x00 is a row in
// the binary protocol, one that begins with 0xFE ends the rows.
static inline long apus_next_packet(MYSQL *m, const unsigned char **start) {
    unsigned long length = mysql_net_read_packet(m);
    if (length == (unsigned long)packet_error || length == ~0UL) return -1;
    *start = m->net.read_pos;
    return (long)length;
}
// Tells libmariadb that apus_next_packet has read the result set to its end (or that its connection is gone).
static inline void apus_end_rows(MYSQL_STMT *s) {
    s->state = MYSQL_STMT_FETCH_DONE;
    s->mysql->status = MYSQL_STATUS_READY;
}
static inline int apus_is_reading(MYSQL *m) { return m->status != MYSQL_STATUS_READY; }

// The server's own error where libmariadb says "malformed packet" (2027): it takes numbers of its own range, such as
// 5024, for a broken server. Returns the number and the text, which ends with 0, or 0 when there is no such packet.
static inline int apus_hidden_error(MYSQL *m, const char **text) {
    const unsigned char *p = m->net.pvio ? m->net.read_pos : 0;
    if (!p || p[0] != 0xFF) return 0;
    *text = (const char *)p + (p[3] == '#' ? 9 : 3);
    return p[1] | p[2] << 8;
}
// The same for the rows of a text query, which are read by apus_next_packet instead of mysql_use_result.
static inline void apus_end_text(MYSQL *m) { m->status = MYSQL_STATUS_READY; }
