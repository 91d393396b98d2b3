import Glibc

/// A thread that runs one piece of work.
///
/// Sendable, unchecked: the handle is written once, before the thread can be joined.
public final class Lane: @unchecked Sendable {
    private var handle = pthread_t()

    /// What the body captures is handed over to the new thread: the caller does not touch it until ``join()``.
    public init(_ body: @escaping () -> Void) {
        let box = Unmanaged.passRetained(Work(body))
        let failure = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        precondition(failure == 0, "no thread could be made")
    }

    public func join() { pthread_join(handle, nil) }

    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
}
