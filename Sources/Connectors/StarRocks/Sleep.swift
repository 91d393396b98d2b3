import Glibc

/// Pauses of the calling thread.
enum Sleep {
    static func milliseconds(_ count: Int) { usleep(UInt32(max(1, count)) * 1000) }
}
