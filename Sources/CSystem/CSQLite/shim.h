// SQLite, Debian package libsqlite3-dev.
#include <sqlite3.h>
// SQLITE_TRANSIENT and SQLITE_STATIC are casts that Swift does not import.
// Bytes of the statement before the token at which the last error was found, or -1.
static inline int apus_sqlite3_error_offset(sqlite3 *db) {
#if SQLITE_VERSION_NUMBER >= 3038000
    return sqlite3_error_offset(db);
#else
    return -1;
#endif
}
static inline int apus_sqlite3_bind_text_copy(sqlite3_stmt *s, int i, const char *p, int n) { return sqlite3_bind_text(s, i, p, n, SQLITE_TRANSIENT); }
static inline int apus_sqlite3_bind_text_borrow(sqlite3_stmt *s, int i, const char *p, int n) { return sqlite3_bind_text(s, i, p, n, SQLITE_STATIC); }
static inline int apus_sqlite3_bind_blob_copy(sqlite3_stmt *s, int i, const void *p, int n) { return sqlite3_bind_blob(s, i, p, n, SQLITE_TRANSIENT); }
static inline int apus_sqlite3_bind_blob_borrow(sqlite3_stmt *s, int i, const void *p, int n) { return sqlite3_bind_blob(s, i, p, n, SQLITE_STATIC); }
