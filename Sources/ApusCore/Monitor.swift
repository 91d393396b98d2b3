import Glibc

/// A lock, and a way to wait under it for what other threads change. Timed waits go by the monotonic clock: a wall clock
/// that is set back makes no wait longer.
///
/// Sendable, unchecked: made to be shared; what it guards is touched within ``locked(_:)`` alone.
public final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    public init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    public func locked<T>(_ body: () throws -> T) rethrows -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Wakes all that wait.
    public func broadcast() { pthread_cond_broadcast(changed) }

    /// Gives the lock up until something has changed. Only within ``locked(_:)``, and in a loop: it may wake for nothing.
    public func wait() { pthread_cond_wait(changed, mutex) }

    /// The same, at most so many seconds. Returns whether that time has not passed.
    @discardableResult
    public func wait(seconds: Double) -> Bool {
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let nanoseconds = until.tv_nsec + Int(seconds * 1e9)
        until.tv_sec += nanoseconds / 1_000_000_000
        until.tv_nsec = nanoseconds % 1_000_000_000
        return pthread_cond_timedwait(changed, mutex, &until) != ETIMEDOUT
    }
}
