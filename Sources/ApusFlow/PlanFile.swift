import ApusCore
import FoundationEssentials
import Glibc

extension Plan {
    /// JSON with sorted keys and no spaces: equal plans give equal bytes.
    public func canonicalJSON() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// `sha256:` and the hash of ``canonicalJSON()``: the plan's identity. It guards against a plan that was edited or
    /// cut off, not against somebody who writes a new hash too.
    public func hash() throws -> String { "sha256:" + SHA256.hex(try canonicalJSON()) }
}

/// A plan on disk: `{ "hash": …, "plan": …, "version": 1 }`, mode 0600. Passwords are in it only as references.
public enum PlanFile {
    private struct Envelope: Codable {
        var version: Int
        var hash: String
        var plan: Plan
    }

    private struct Head: Decodable {
        var version: Int?
        var hash: String?
    }

    public static func encode(_ plan: Plan) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let envelope = Envelope(version: plan.version, hash: try plan.hash(), plan: plan)
        return Array(try encoder.encode(envelope)) + [10]
    }

    /// - parameter name: the file, for messages.
    /// - throws: `config.invalid`: no plan, another version, or changed since it was written.
    public static func decode(_ bytes: [UInt8], name: String = "plan.json") throws -> Plan {
        let data = Data(bytes)
        let again = "Plan the flow file again, with -o \(Advice.shellWord(name))."
        let decoder = JSONDecoder()
        guard let head = try? decoder.decode(Head.self, from: data), let version = head.version, let hash = head.hash else {
            throw ApusError(.configurationInvalid, "\(name) is no plan of Apus, or it was cut off", hint: again)
        }
        guard version == Plan.version else {
            throw ApusError(
                .configurationInvalid, "\(name) is a plan of version \(version); this program runs version \(Plan.version)", hint: again)
        }
        guard let plan = try? decoder.decode(Envelope.self, from: data).plan else {
            throw ApusError(.configurationInvalid, "\(name) is a plan with parts missing or unknown", hint: again)
        }
        guard try plan.hash() == hash else {
            throw ApusError(
                .configurationInvalid, "\(name) was changed after it was written: its hash does not match",
                hint: "Change the flow and plan it again; a plan runs as it was printed.")
        }
        return plan
    }

    /// 64 hexadecimal digits that stand for a text.
    public static func digest(_ text: String) -> String { SHA256.hex(Array(text.utf8)) }

    public static func read(_ path: String) throws -> Plan {
        let bytes: [UInt8]
        do { bytes = try Variables.read(path) } catch {
            throw ApusError(.configurationInvalid, "the plan `\(path)` cannot be read", hint: "It must exist and be readable.")
        }
        return try decode(bytes, name: path)
    }

    /// Writes beside the path and renames, so that no half plan is ever there.
    /// - throws: `target.full`, `object.permission`.
    public static func write(_ plan: Plan, to path: String) throws {
        let bytes = try encode(plan)
        let part = "\(path).\(getpid()).part"
        func fault() -> ApusError {
            let code: ApusError.Code = errno == ENOSPC || errno == EDQUOT ? .full : .permission
            return ApusError(code, "the plan cannot be written to `\(path)`", underlying: String(cString: strerror(errno)))
        }
        let descriptor = OwnFile.make(part)
        guard descriptor >= 0 else { throw fault() }
        var isOpen = true
        defer {
            if isOpen { close(descriptor) }
            unlink(part)
        }
        guard fchmod(descriptor, 0o600) == 0 else { throw fault() }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, bytes.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw fault() }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw fault() }
        isOpen = false
        guard close(descriptor) == 0, rename(part, path) == 0 else { throw fault() }
    }
}
