//! What str0m says about a text that it can't read.

/// What its parser says in place of where: the address, in memory, of that place in the text.
const PLACE: &str = "PointerOffset(";

/// The error about `text`, fit to be told to whoever sent it: with how many bytes into the text in
/// place of addresses of ours, which are nobody's business, and others in each run.
pub(super) fn about(text: &str, error: &impl ToString) -> String {
    let error = error.to_string();
    let mut rest = error.as_str();
    let mut words = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once(PLACE) {
        let (place, after) = after.split_once(')').unwrap_or((after, ""));
        words.push_str(before);
        words.push_str(&byte_of(text, place));
        rest = after;
    }
    words.push_str(rest);
    words
}

fn byte_of(text: &str, place: &str) -> String {
    let digits = place.trim_start_matches("0x");
    let place = usize::from_str_radix(digits, 16).ok();
    let byte = place.and_then(|place| place.checked_sub(text.as_ptr().addr()));
    match byte.filter(|byte| *byte <= text.len()) {
        Some(byte) => format!("byte {byte}"),
        None => "some byte".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::Candidate;
    use str0m::change::SdpAnswer;

    #[test]
    fn a_place_in_the_text_is_told_as_such_and_never_where_it_is_in_memory() {
        let text = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nnonsense".to_owned();
        let error = SdpAnswer::from_sdp_string(&text).unwrap_err();
        assert!(error.to_string().contains("0x"), "{error}");
        let words = about(&text, &error);
        assert!(
            words.contains("at byte ") && !words.contains("0x"),
            "{words}"
        );
        let copy = text.clone();
        let again = SdpAnswer::from_sdp_string(&copy).unwrap_err();
        assert_eq!(about(&copy, &again), words);
        assert_eq!(about(&copy, &error).matches("some byte").count(), 1);

        let candidate = "candidate:garbage";
        let error = Candidate::from_sdp_string(candidate).unwrap_err();
        assert!(!about(candidate, &error).contains("0x"), "{error}");
    }

    #[test]
    fn what_only_looks_like_a_place_is_none() {
        for error in [
            "PointerOffset(",
            "PointerOffset()",
            "PointerOffset(0xzz)",
            "xPointerOffset(0x1)y",
        ] {
            assert!(about("text", &error).contains("some byte"), "{error}");
        }
        assert_eq!(about("text", &"as it is"), "as it is");
    }
}
