//! The header extension with transport-wide sequence numbers, in answers.

/// The number of the header extension in our offers: str0m's `ExtensionMap::standard`. An answer
/// can't change it: see [`keeps_its_id`].
const ID: u8 = 3;
const URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Whether an answer, as str0m writes it again, leaves the extension where the offer has it
/// (RFC 8285, 7: an answer has to).
pub(super) fn keeps_its_id(answer: &str) -> bool {
    let lines = answer
        .lines()
        .filter_map(|line| line.strip_prefix("a=extmap:"));
    let mut entries = lines.map(|entry| entry.split_once(' ').unwrap_or_default());
    entries.all(|(id, uri)| (id.parse() == Ok(ID)) == uri.starts_with(URI))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_can_leave_it_out_but_not_move_it() {
        let other = "urn:3gpp:video-orientation";
        assert!(keeps_its_id(&format!("v=0\r\na=extmap:{ID} {URI}\r\n")));
        assert!(keeps_its_id(&format!("v=0\r\na=extmap:13 {other}\r\n")));
        assert!(!keeps_its_id(&format!("a=extmap:{ID} {other}\r\n")));
        assert!(!keeps_its_id(&format!(
            "a=extmap:{ID} {URI}\r\na=extmap:7 {URI}\r\n"
        )));
    }
}
