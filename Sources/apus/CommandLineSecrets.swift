import ApusCore
import Glibc

/// Passwords on the command line, which every user of the machine can read in the process list.
enum CommandLineSecrets {
    /// Overwrites them where the kernel shows them, once the program has its own copy. Call before any thread is made.
    static func hide() {
        // The copy that everybody reads from now on.
        let arguments = CommandLine.arguments
        var isParameters = false
        for (index, argument) in arguments.enumerated().dropFirst() {
            // `-p "-Dpassword=…"` of a DataX job: names are the user's own, so that none of it is shown.
            let isDataX = isParameters || argument.hasPrefix("-D") || argument.hasPrefix("-p-D") || argument.hasPrefix("-p=")
            isParameters = argument == "-p" || argument == "--params" || argument == "--set"
            guard let memory = CommandLine.unsafeArgv[index] else { continue }
            let size = strlen(memory)
            let masked = Array(Masking.mask(argument).replacing(Masking.mark, with: "x").utf8)
            if isDataX || masked.count > size {
                memset(memory, Int32(UInt8(ascii: "x")), size)
            } else if !masked.elementsEqual(argument.utf8) {
                memset(memory, Int32(UInt8(ascii: " ")), size)
                masked.withUnsafeBytes { _ = memcpy(memory, $0.baseAddress!, $0.count) }
            }
        }
    }
}
