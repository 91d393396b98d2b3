import ApusCore
import Synchronization

/// What this process still has to write into a journal (``JournalEntry``), shared by all of its sessions.
///
/// Every INSERT spends one of the labels that the server keeps for a database, so a row that can wait goes along with the
/// next one: the lock, that a target is prepared, and that a slice is done, which the state of its label says meanwhile.
/// A row waits no longer than until this process writes into the same journal again, whatever table that is for.
final class JournalBook: Sendable {
    /// A load of one target.
    struct Key: Hashable {
        var run: String
        var target: String
    }

    enum Lock {
        /// Not asked for.
        case free
        /// Asked for: it is written with the first row, before anything reaches a table that others see.
        case wanted
        /// A session is writing it, and looks for others afterwards.
        case underWay
        case held
        /// Another run came first.
        case refused(ApusError)
    }

    struct Account {
        var lock = Lock.free
        /// Not written yet.
        var prepared: JournalEntry?
        /// Runs that are over and have left rows: they go with this load's own.
        var obsolete: [String] = []
        /// The journal has no row that this load would have to take away.
        var isBlank = false
        /// The window was exchanged.
        var isExchanged = false
        /// Statements under way that carry rows of this load.
        var carried = 0
    }

    struct Row {
        var key: Key
        var entry: JournalEntry
        var since: Double
    }

    private struct Contents {
        var accounts: [Key: Account] = [:]
        /// Slices that are done, or dead.
        var rows: [Row] = []
    }

    private let contents = Mutex(Contents())
    private static let books = Mutex<[String: JournalBook]>([:])

    /// The most rows that one statement carries for others.
    private static let most = 500

    static func book(of place: String) -> JournalBook {
        books.withLock { books in
            if let known = books[place] { return known }
            let made = JournalBook()
            books[place] = made
            return made
        }
    }

    // MARK: Accounts

    func account(_ key: Key) -> Account { contents.withLock { $0.accounts[key] ?? Account() } }

    func change(_ key: Key, _ body: (inout Account) -> Void) {
        contents.withLock { body(&$0.accounts[key, default: Account()]) }
    }

    /// Other loads of the target whose lock this process has not written yet.
    func others(than key: Key) -> [Key] {
        contents.withLock { contents in
            contents.accounts.compactMap { other, account in
                guard other.target == key.target, other.run != key.run else { return nil }
                switch account.lock {
                case .wanted, .underWay: return other
                case .free, .held, .refused: return nil
                }
            }
        }
    }

    enum Turn { case goes, takes, waits }

    /// Whether a session that is about to write writes the lock too.
    /// - throws: `target.locked` when another run came first.
    func turn(_ key: Key) throws -> Turn {
        try contents.withLock { contents in
            switch contents.accounts[key]?.lock ?? .free {
            case .free, .held: return .goes
            case .underWay: return .waits
            case .refused(let error): throw error
            case .wanted:
                contents.accounts[key]!.lock = .underWay
                return .takes
            }
        }
    }

    // MARK: Rows

    /// Keeps a row for the next statement.
    func keep(_ entry: JournalEntry, _ key: Key) {
        contents.withLock { contents in
            contents.rows.removeAll { $0.key == key && $0.entry.isSameRow(as: entry) }
            contents.rows.append(Row(key: key, entry: entry, since: Clock.monotonic()))
        }
    }

    /// The rows of a load that are not written yet.
    func kept(_ key: Key) -> [JournalEntry] {
        contents.withLock { contents in contents.rows.filter { $0.key == key }.map(\.entry) }
    }

    /// Seconds that the oldest row has waited.
    var age: Double { contents.withLock { $0.rows.first.map { Clock.monotonic() - $0.since } ?? 0 } }

    /// Takes what waits, to be written along with `entries` of a load.
    func take(along entries: [JournalEntry], _ key: Key) -> [Row] {
        contents.withLock { contents in
            contents.rows.removeAll { row in row.key == key && entries.contains { $0.isSameRow(as: row.entry) } }
            var taken = Array(contents.rows.prefix(Self.most))
            contents.rows.removeFirst(taken.count)
            if let prepared = contents.accounts[key]?.prepared, !entries.contains(where: { $0.isSameRow(as: prepared) }) {
                taken.append(Row(key: key, entry: prepared, since: 0))
            }
            for key in Set(taken.map(\.key)).union([key]) { contents.accounts[key, default: Account()].carried += 1 }
            return taken
        }
    }

    /// The statement that carried the rows has ended.
    func settle(_ rows: [Row], _ key: Key, isWritten: Bool) {
        contents.withLock { contents in
            for key in Set(rows.map(\.key)).union([key]) {
                contents.accounts[key]?.carried -= 1
                if isWritten { contents.accounts[key]?.isBlank = false }
            }
            for row in rows {
                if row.entry.state == .mark {
                    if isWritten { contents.accounts[row.key]?.prepared = nil }
                } else if !isWritten {
                    contents.rows.insert(row, at: 0)
                }
            }
        }
    }

    /// Drops what waits of a load that is over. True once no statement carries rows of it any more.
    func close(_ key: Key) -> Bool {
        contents.withLock { contents in
            contents.rows.removeAll { $0.key == key }
            contents.accounts[key]?.prepared = nil
            return (contents.accounts[key]?.carried ?? 0) == 0
        }
    }

    /// Nothing of the load is in the journal any more.
    func forget(_ key: Key) { contents.withLock { $0.accounts[key] = Account(isBlank: true) } }
}

extension JournalEntry {
    func isSameRow(as other: JournalEntry) -> Bool { (slice, attempt) == (other.slice, other.attempt) }
}
