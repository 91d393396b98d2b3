import Glibc

/// Input, output and error output, which whoever starts the program may have closed.
enum StandardStreams {
    /// Call before anything is opened: the next file or connection would get the number of a closed one, and what is
    /// meant for a screen would be written into it.
    static func complete() {
        for number in 0...2 as ClosedRange<Int32> where fcntl(number, F_GETFD) == -1 { _ = open("/dev/null", O_RDWR) }
    }
}
