import CMariaDB
import Glibc

/// Answers a server that asks for a local file: only ever with the rows of the load that runs, never with a file.
///
/// Sendable, unchecked: `feed` changes only while no statement runs, and is read by the thread that runs one.
final class InfileHost: @unchecked Sendable {
    var feed: LoadFeed?

    func install(on handle: UnsafeMutablePointer<MYSQL>) {
        mysql_set_local_infile_handler(
            handle,
            { context, _, host in
                // libmariadb hands back what was installed; a server that asks on its own finds no feed.
                let host = Unmanaged<InfileHost>.fromOpaque(host!).takeUnretainedValue()
                guard let feed = host.feed else { return 1 }
                context!.pointee = Unmanaged.passUnretained(feed).toOpaque()
                return 0
            },
            { context, buffer, size in
                Unmanaged<LoadFeed>.fromOpaque(context!).takeUnretainedValue().read(into: buffer!, Int(size))
            },
            { _ in },
            { _, text, size in
                strncpy(text!, "no rows are being loaded: files are never sent", Int(size) - 1)
                return Int32(CR_FILE_READ)
            },
            Unmanaged.passUnretained(self).toOpaque())
    }
}
