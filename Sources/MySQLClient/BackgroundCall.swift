import Glibc

/// One blocking call on a thread of its own.
///
/// Sendable, unchecked: `isDone` is guarded by the mutex, everything else is set before the thread starts.
public final class BackgroundCall: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let body: @Sendable () -> Void
    private var isDone = false

    public init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        pthread_mutex_init(mutex, nil)
        // A wall clock that is set makes no wait longer.
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
        var thread = pthread_t()
        let failed = pthread_create(&thread, nil, { BackgroundCall.run($0) }, Unmanaged.passRetained(self).toOpaque())
        precondition(failed == 0, "no thread: \(failed)")
        pthread_detach(thread)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    private static func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        let call = Unmanaged<BackgroundCall>.fromOpaque(argument!).takeRetainedValue()
        call.body()
        pthread_mutex_lock(call.mutex)
        call.isDone = true
        pthread_cond_broadcast(call.changed)
        pthread_mutex_unlock(call.mutex)
        return nil
    }

    /// Waits for the end.
    public func wait() {
        pthread_mutex_lock(mutex)
        while !isDone { pthread_cond_wait(changed, mutex) }
        pthread_mutex_unlock(mutex)
    }

    /// Waits for the end, at most so many milliseconds. Returns whether it has ended.
    public func wait(milliseconds: Int) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        deadline.tv_nsec += milliseconds * 1_000_000
        deadline.tv_sec += deadline.tv_nsec / 1_000_000_000
        deadline.tv_nsec %= 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isDone, pthread_cond_timedwait(changed, mutex, &deadline) != ETIMEDOUT {}
        return isDone
    }
}
