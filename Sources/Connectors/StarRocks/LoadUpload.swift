import ApusCore
import CFetch
import MySQLClient

/// A load's body under way on a thread of its own, while the writer encodes.
final class LoadUpload {
    let body: LoadBody
    let begun = Clock.monotonic()
    private let sending: Sending
    private let thread: BackgroundCall

    /// - parameter client: used by nobody else until the upload has ended.
    init(_ call: LoadCall, _ client: LoadClient) {
        body = call.body!
        client.stopper.reset()
        let sending = Sending(call, client)
        self.sending = sending
        thread = BackgroundCall { sending.run() }
    }

    /// Waits for the server's answer.
    /// - throws: ``LoadFault``.
    func answer() throws -> LoadAnswer {
        thread.wait()
        return try sending.result!.get()
    }

    /// Breaks the connection, so that nothing of it can count, and waits for the thread's end.
    func abandon() {
        sending.client.stopper.raise()
        body.end(failed: true)
        _ = try? answer()
    }
}

/// Sendable, unchecked: the result is written by the thread that runs it, and read after that thread's end.
private final class Sending: @unchecked Sendable {
    let client: LoadClient
    private let call: LoadCall
    private(set) var result: Result<LoadAnswer, any Error>?

    init(_ call: LoadCall, _ client: LoadClient) {
        self.call = call
        self.client = client
    }

    func run() {
        apus_transfer_name_thread("apus-send")
        result = Result { try client.run(call) }
        call.body!.finish()
    }
}
