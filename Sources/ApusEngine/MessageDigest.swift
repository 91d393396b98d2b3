import ApusCore
import CCrypto
import Tabular

/// MD5 or SHA-1 of one text after the other, by OpenSSL. One thread at a time.
final class MessageDigest {
    private let context: OpaquePointer
    private let method: OpaquePointer
    private let uppercase: Bool

    /// - throws: `unsupported` where the machine's OpenSSL forbids the algorithm.
    init(_ algorithm: Transform.Algorithm, uppercase: Bool) throws(ApusError) {
        guard let method = EVP_MD_fetch(nil, algorithm == .md5 ? "MD5" : "SHA1", nil), let context = EVP_MD_CTX_new()
        else {
            throw ApusError(
                .unsupported, "this machine's OpenSSL has no \(algorithm.rawValue)",
                hint: "It may run in FIPS mode. Let the source compute the digest in its SQL.")
        }
        self.method = method
        self.context = context
        self.uppercase = uppercase
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(method)
    }

    /// Hexadecimal digits; false when OpenSSL failed.
    func append(_ text: UnsafeBufferPointer<UInt8>, to buffer: inout ByteBuffer) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(EVP_MAX_MD_SIZE)) { digest in
            var length: UInt32 = 0
            guard EVP_DigestInit_ex(context, method, nil) == 1,
                EVP_DigestUpdate(context, text.baseAddress, text.count) == 1,
                EVP_DigestFinal_ex(context, digest.baseAddress, &length) == 1
            else { return false }
            let start = buffer.count
            buffer.append(hex: UnsafeBufferPointer(rebasing: digest[..<Int(length)]))
            if uppercase {
                for index in start..<buffer.count where buffer.start[index] >= 97 { buffer.start[index] &-= 32 }
            }
            return true
        }
    }
}
