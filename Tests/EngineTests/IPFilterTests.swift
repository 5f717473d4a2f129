import Testing

@testable import Engine

struct IPFilterTests {
    static let lines = [
        "client 192.168.4.5 connected", "client 192.168.4.55 connected", "client 192.168.5.1 connected",
        "client=10.0.0.1 path=/", "src=10.0.0.1:443 dst=10.0.0.2:51000", "192.168.4.5",
        "192.168.4.5.6 is not an address",
        "1192.168.4.5 neither", "999.1.1.1 out of range", "version 1.2.3 shipped", "version 1.2.3.4 shipped",
        "v6 2001:db8::1 up", "v6 2001:0db8:0000:0000:0000:0000:0000:0001 long form", "[2001:db8::1]:443 bracketed",
        "::1 loopback", "::ffff:192.168.4.5 mapped", "fe80::1%eth0 zone", "time 12:34:56 only", "mac 00:1b:44:11:3a:b7",
        "cidr 192.168.4.0/24", "010.000.000.001 zero padded", "(192.168.4.5)", "x192.168.4.5y", "", "none here",
    ]

    @Test(
        "addresses, blocks and ranges are found in lines",
        arguments: [
            ("192.168.4.5", [0, 5, 7, 21, 22]), ("192.168.4.77/24", [0, 1, 5, 7, 19, 21, 22]),
            ("10.0.0.1-10.0.0.2", [3, 4]), ("2001:db8::1", [11, 12, 13]), ("::/0", [11, 12, 13, 14, 15, 16]),
            ("fe80::/10", [16]), ("1.2.3.4", [10]), ("::1-::2", [14]),
            ("0.0.0.0/0", [0, 1, 2, 3, 4, 5, 7, 10, 19, 21, 22]),
        ])
    func found(pattern: String, expected: [Int]) throws {
        let filter = try IPFilter(pattern)
        let found = Self.lines.indices.filter { index in withView(Self.lines[index]) { filter.matches($0) } }
        #expect(found == expected)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "bogus", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "", "::/129",
        ])
    func refused(pattern: String) {
        #expect(throws: ExpressionError(message: "ip: invalid pattern: \"\(pattern)\"")) { try IPFilter(pattern) }
    }

    @Test(
        "IPv6 addresses are read in full",
        arguments: [
            ("::", 0, 0), ("::1", 0, 1), ("1::", 1 << 48, 0),
            ("1:2:3:4:5:6:7:8", 0x1_0002_0003_0004, 0x5_0006_0007_0008),
            ("1:2:3::8", 0x1_0002_0003_0000, 8), ("::ffff:1.2.3.4", 0, 0xFFFF_0102_0304),
            ("1:2:3:4:5:6:1.2.3.4", 0x1_0002_0003_0004, 0x5_0006_0102_0304),
            ("1:2:3:4:5:6:7::", 0x1_0002_0003_0004, 0x5_0006_0007_0000),
        ] as [(String, UInt64, UInt64)])
    func version6(text: String, high: UInt64, low: UInt64) {
        withView(text) { #expect(IPAddress($0) == IPAddress(isVersion4: false, high: high, low: low)) }
    }

    @Test(
        "broken addresses are none",
        arguments: [
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", ":::", "1::2::3", "12345::", ":1", "1:", "1.2.3", "1.2.3.4.5",
            "01.2.3.4",
            "256.1.1.1", "1..2.3", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1:2:3:4::5:6:7:8", "",
        ])
    func broken(text: String) { withView(text) { #expect(IPAddress($0) == nil) } }
}
