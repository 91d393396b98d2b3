import ApusCore
import CFetch
import Glibc

/// A load's body under way on a thread of its own, while the writer encodes.
///
/// Sendable, unchecked: the result is written by the thread before `isDone`, which the mutex guards, and read after it.
final class LoadUpload: @unchecked Sendable {
    let body: LoadBody
    private let client: LoadClient
    private let call: LoadCall
    private var result: Result<LoadAnswer, any Error>?
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isDone = false
    let begun = Monotonic.now

    /// - parameter client: used by nobody else until the upload has ended.
    init(_ call: LoadCall, _ client: LoadClient) {
        self.call = call
        self.client = client
        body = call.body!
        client.stopper.reset()
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        var thread = pthread_t()
        let failed = pthread_create(&thread, nil, { LoadUpload.run($0) }, Unmanaged.passRetained(self).toOpaque())
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
        let upload = Unmanaged<LoadUpload>.fromOpaque(argument!).takeRetainedValue()
        apus_transfer_name_thread("apus-send")
        let result = Result { try upload.client.run(upload.call) }
        upload.body.finish()
        pthread_mutex_lock(upload.mutex)
        upload.result = result
        upload.isDone = true
        pthread_cond_broadcast(upload.changed)
        pthread_mutex_unlock(upload.mutex)
        return nil
    }

    /// Waits for the server's answer.
    /// - throws: ``LoadFault``.
    func answer() throws -> LoadAnswer {
        pthread_mutex_lock(mutex)
        while !isDone { pthread_cond_wait(changed, mutex) }
        pthread_mutex_unlock(mutex)
        return try result!.get()
    }

    /// Breaks the connection, so that nothing of it can count, and waits for the thread's end.
    func abandon() {
        client.stopper.raise()
        body.end(failed: true)
        _ = try? answer()
    }
}

/// A clock that never goes back.
enum Monotonic {
    /// Seconds.
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
