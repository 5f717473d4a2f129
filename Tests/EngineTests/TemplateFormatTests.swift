import Testing

@testable import Engine

@Suite("Values in Go's formats")
struct TemplateFormatTests {
    @Test(
        "printf has Go's verbs, flags and marks",
        arguments: [
            (
                "\"%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%#o|%O|%b|%c|%q|%U|%#U\" 42 42 42 42 42 42 42 42 8 8 8 5 65 65 65 9731",
                "   42|42   |00042|+42| 42|2a|2A|0x2a|10|010|0o10|101|A|'A'|U+0041|U+2603 '☃'"
            ),
            (
                "\"%6.2f|%-8.1f|%08.3f|%+.1e|%g|%G|%.3g|%6.3v\" 3.14159 2.5 -1.5 12345.678 1e21 1e-7 1234.5678 2.71828",
                "  3.14|2.5     |-001.500|+1.2e+04|1e+21|1E-07|1.23e+03|  2.72"
            ),
            (
                "\"%s|%10s|%-10s|%.2s|%q|%+q|%#q|%x|% X|%#x\" \"a\" \"b\" \"c\" \"déf\" \"q\\\"\" \"é\" \"raw\" \"hi\" \"hi\" \"hi\"",
                "a|         b|c         |dé|\"q\\\"\"|\"\\u00e9\"|`raw`|6869|68 69|0x6869"
            ),
            ("\"%t|%v|%5t|%T %T %T %T\" true false true 1 1.5 \"s\" nil", "true|false| true|int float64 string <nil>"),
            (
                "\"%d|%s|%t|%z|%!|%\" \"x\" 5 \"y\" 1",
                "%!d(string=x)|%!s(int=5)|%!t(string=y)|%!z(int=1)|%!!(MISSING)|%!(NOVERB)"
            ),
            ("\"%d %d\" 1", "1 %!d(MISSING)"), ("\"%d\" 1 2 \"x\"", "1%!(EXTRA int=2, string=x)"),
            ("\"%[2]d %[1]d\" 1 2", "2 1"), ("\"%[3]d\" 1", "%!d(BADINDEX)"),
            ("\"%*d|%-*d|%.*f\" 5 1 4 2 1 2.55", "    1|2   |2.5"),
            ("\"%v %v\" nil (fromJson `{\"b\":[1,\"x\",null],\"a\":true}`)", "<nil> map[a:true b:[1 x <nil>]]"),
            ("\"%d\" (fromJson `[1,\"a\"]`)", "[%!d(float64=1) %!d(string=a)]"), ("\"%w\" 5", "%!w(int=5)"),
            ("\"%q %v\" (fromJson `[\"a\",\"b\"]`) (index \"a\" 0)", "[\"a\" \"b\"] 97"),
            ("\"%s %d %v\" (__timestamp__).Month (__timestamp__).Month (__timestamp__).Weekday", "January 1 Thursday"),
            ("\"%x|%.2x|%b\" 1.5 1.0 1.0", "0x1.8p+00|0x1.00p+00|4503599627370496p-52"),
            ("\"%08s|%-08d|%+08d|%x|%X\" \"ab\" 5 5 -255 \"\\xff\"", "000000ab|5       |+0000005|-ff|FF"),
            ("\"%e %E %.0f %.0f %.0f %5.1f%%\" 0.0 1234.5 0.5 1.5 2.5 99.95", "0.000000e+00 1.234500E+03 0 2 2 100.0%"),
            ("\"%t\" 1", "%!t(int=1)"), ("\"%5v|%-5v|%05v\" 12 12 12", "   12|12   |00012"),
            ("\"no verbs\"", "no verbs"),
            ("\"%6.3d|%.0d|%+v|%#v|%#v\" 7 0 \"a\" \"b\" 3", "   007||a|\"b\"|3"),
        ])
    func printf(arguments: String, output: String) {
        #expect(render("{{printf \(arguments)}}") == output)
    }

    @Test(
        "numbers print as Go prints them",
        arguments: [
            (
                "{{1e6}} {{999999.0}} {{1e-4}} {{0.00001}} {{123456789.0}} {{1e100}} {{-0.0}} {{2.50}}",
                "1e+06 999999 0.0001 1e-05 1.23456789e+08 1e+100 -0 2.5"
            ),
            ("{{float64 \"inf\"}} {{float64 \"-inf\"}} {{float64 \"nan\"}} {{float64 \"1e400\"}}", "+Inf -Inf NaN 0"),
            (
                "{{addf 0.1 0.2}} {{subf 1 0.9}} {{mulf 1.1 1.1 1.1}} {{divf 1 3}} {{divf 2 3}} {{divf 10 4}}",
                "0.3 0.1 1.331 0.3333333333333333 0.6666666666666667 2.5"
            ),
            ("{{addf 1e300 1e-300}} {{divf 1 1e20}} {{addf}}", "1e+300 0 0"),
            (
                "{{add 1 \"2\" 3.9 true}} {{sub 1 2}} {{mul 2 3 4}} {{div 7 2}} {{mod 7 -2}} {{div -9223372036854775808 -1}}",
                "7 -1 24 3 1 -9223372036854775808"
            ),
            (
                "{{int \"12.00\"}} {{int \"0x1f\"}} {{int \"1_000\"}} {{int \" 1\"}} {{int nil}} {{int 1e30}} {{int -1.9}}",
                "12 31 1000 0 0 -9223372036854775808 -1"
            ),
            (
                "{{max 1 \"5\" 3}} {{min 4 2.9}} {{maxf 1 2.5}} {{minf 1 -0.5}} {{ceil 1.2}} {{floor -1.2}} {{round 2.345 2}}",
                "5 2 2.5 -0.5 2 -2 2.35"
            ),
            ("{{bytes \"1.5KiB\"}} {{duration \"1m30s\"}} {{duration_seconds \"250ms\"}}", "1536 90 0.25"),
        ])
    func numbers(template: String, output: String) {
        #expect(render(template) == output)
    }

    @Test(
        "times are read and shown by Go's layouts",
        arguments: [
            ("{{__timestamp__}}", "1970-01-01 00:00:00 +0000 UTC"),
            ("{{toDate \"2006-01-02 15:04:05.000\" \"2024-02-29 23:59:59.123\"}}", "2024-02-29 23:59:59.123 +0000 UTC"),
            (
                "{{toDate \"2006-01-02T15:04:05Z07:00\" \"2024-07-01T10:00:00+02:00\"}}",
                "2024-07-01 10:00:00 +0200 +0200"
            ),
            (
                "{{toDate \"2006-01-02T15:04:05Z07:00\" \"2024-07-01T10:00:00.5-07:30\" | unixEpochNanos}}",
                "1719855000500000000"
            ),
            ("{{toDate \"Jan _2 2006 3:04PM MST\" \"Feb  9 2025 1:05PM CET\"}}", "2025-02-09 13:05:00 +0000 CET"),
            ("{{toDate \"02/Jan/2006:15:04:05 -0700\" \"20/Nov/2026:10:00:00 +0100\" | unixEpoch}}", "1795165200"),
            ("{{toDate \"2006-01-02\" \"2023-02-29\"}}", "0001-01-01 00:00:00 +0000 UTC"),
            ("{{toDate \"2006-002\" \"2024-366\" | date \"Monday January 2\"}}", "Tuesday December 31"),
            (
                "{{toDateInZone \"2006-01-02 15:04\" \"Europe/Paris\" \"2040-07-01 12:00\"}}",
                "2040-07-01 12:00:00 +0200 CEST"
            ),
            (
                "{{toDateInZone \"2006-01-02 15:04\" \"America/New_York\" \"2026-03-08 02:30\"}}",
                "2026-03-08 03:30:00 -0400 EDT"
            ),
            (
                "{{toDateInZone \"2006-01-02 15:04 MST\" \"Europe/Berlin\" \"2026-11-20 10:30 CET\" | unixEpoch}}",
                "1795167000"
            ),
            ("{{toDateInZone \"2006\" \"../../etc/passwd\" \"2026\"}}", "2026-01-01 00:00:00 +0000 UTC"),
            (
                "{{date \"Mon Jan _2 15:04:05.000000 2006 -07:00 Z0700 pm PM 06 1 2 3 4 5\" 1795168800}}",
                "Fri Nov 20 10:00:00.000000 2026 +00:00 Z am AM 26 11 20 10 0 0"
            ),
            ("{{date \"2006-01-02 .999 Janet Month\" 0}}", "1970-01-01  Janet Month"),
            ("{{(unixToTime \"1795168800\").Format \"15:04\"}} {{(unixToTime \"20777\").Weekday}}", "10:00 Friday"),
            ("{{((unixToTime \"1795168800\").Sub (unixToTime \"1795160000\")).Hours | printf \"%.2f\"}}", "2.44"),
            (
                "{{(unixToTime \"1795168800\").Add 3600000000000}} {{(unixToTime \"1795168800\").AddDate 0 3 12}}",
                "2026-11-20 11:00:00 +0000 UTC 2027-03-04 10:00:00 +0000 UTC"
            ),
            ("{{(unixToTime \"1795168800\").Sub (unixToTime \"1795168700\")}}", "1m40s"),
            (
                "{{(toDateInZone \"2006-01\" \"Europe/Paris\" \"2040-07\").IsDST}} {{(__timestamp__).IsDST}}",
                "true false"
            ),
        ])
    func times(template: String, output: String) {
        #expect(render(template) == output)
    }
}
