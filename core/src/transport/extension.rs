//! Transport-wide sequence numbers in the header extension of RTP packets, read as str0m reads them.

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

/// All numbers in the header extension of an RTP packet (RFC 3550, 5.3.1; RFC 8285, 4), however
/// many there are.
pub(super) fn numbers(datagram: &[u8]) -> impl Iterator<Item = u16> {
    let (long, mut rest) = elements(datagram).unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            let (head, behind) = rest.split_first()?;
            if *head == 0 {
                rest = behind;
                continue;
            }
            let (id, length, behind) = if long {
                let (length, behind) = behind.split_first()?;
                (*head, usize::from(*length), behind)
            } else {
                (head >> 4, usize::from(head & 0x0f) + 1, behind)
            };
            let value = behind.get(..length)?;
            rest = behind.get(length..)?;
            if let (ID, [a, b, ..]) = (id, value) {
                return Some(u16::from_be_bytes([*a, *b]));
            }
        }
    })
}

/// The elements of the header extension, and whether their heads have two bytes.
fn elements(datagram: &[u8]) -> Option<(bool, &[u8])> {
    let first = datagram.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let at = 12 + 4 * usize::from(first & 0x0f);
    let (head, rest) = datagram.get(at..)?.split_first_chunk::<4>()?;
    let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let long = head[..2] != [0xbe, 0xde];
    Some((long, rest.get(..4 * words).unwrap_or(rest)))
}

/// An RTP header with one element that the server does not know, and then `numbers`.
#[cfg(test)]
pub(super) fn packet(numbers: &[u16]) -> Vec<u8> {
    let mut body = vec![0x40, 7];
    for number in numbers {
        let [a, b] = number.to_be_bytes();
        body.extend([0, ID << 4 | 1, a, b]);
    }
    body.resize(body.len().next_multiple_of(4), 0);
    let mut packet = vec![0x91; 16];
    packet.extend([0xbe, 0xde, 0, (body.len() / 4) as u8]);
    packet.extend(body);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(datagram: &[u8]) -> Vec<u16> {
        numbers(datagram).collect()
    }

    #[test]
    fn every_number_is_found() {
        assert_eq!(found(&packet(&[7])), [7]);
        assert_eq!(found(&packet(&[7, 0xffff])), [7, 0xffff]);
        let mut two_byte_heads = packet(&[0]);
        two_byte_heads[16..].copy_from_slice(&[0x10, 0, 0, 2, 9, 0, ID, 2, 1, 2, 0, 0]);
        assert_eq!(found(&two_byte_heads), [0x0102]);
        for plain in [&[0x80; 40][..], &[0x90; 40], &[0x9f; 13], &[]] {
            assert_eq!(found(plain), []);
        }
    }

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
