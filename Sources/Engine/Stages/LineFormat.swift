extension Program {
    mutating func formatLine(_ stage: Int) -> Bool {
        true
    }
}
