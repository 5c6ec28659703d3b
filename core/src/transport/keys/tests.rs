use std::fmt::Write;

use super::*;

/// RFC 7714, 16 and 17: an RTP and an RTCP packet, and what they become with keys of 128 and 256 bits.
const PACKET: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465\
         732074726573";
const SEALED: [&str; 2] = [
    "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b\
         36de3adf8833899d7f27beb16a9152cf765ee4390cce",
    "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f\
         1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
];
const REPORT: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeef\
         deadbeefdeadbeef";
const SEALED_REPORT: [&str; 2] = [
    "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b46\
         86303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658\
         c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
];
const REPORT_INDEX: u32 = 0x5d4;

/// libsrtp's tests: master keys, and what they make of RTP and of RTCP.
const MASTER: (&str, &str) = (
    "e1f97a0d3e018be0d64fa32c06de4139",
    "0ec675ad498afeebb6960b3aabe6",
);
const COUNTED: [&str; 2] = [
    "800f1234decafbadcafebabeabababababababababababababababab",
    "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
];
const COUNTED_REPORT: [&str; 2] = [
    "81c8000bcafebabeabababababababababababababababab",
    "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798",
];

const PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AES128_CM_SHA1_80,
    SrtpProfile::AEAD_AES_128_GCM,
    SrtpProfile::AEAD_AES_256_GCM,
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Keys whose session keys are these.
fn gcm(length: u8) -> Keys {
    let algorithm = if length == 16 {
        &AES_128_GCM
    } else {
        &AES_256_GCM
    };
    let cipher = || {
        let key: Vec<u8> = (0..length).collect();
        Cipher::Gcm {
            key: LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap()),
            salt: *b"Quid pro quo",
        }
    };
    Keys {
        rtp: cipher(),
        rtcp: cipher(),
        peer_rtp: cipher(),
        peer_rtcp: cipher(),
    }
}

fn material(profile: SrtpProfile, client: bool) -> KeyingMaterial {
    let length = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => 60,
        SrtpProfile::AEAD_AES_128_GCM => 56,
        _ => 88,
    };
    KeyingMaterial {
        profile,
        bytes: (0..length).collect(),
        client,
    }
}

#[test]
fn packets_become_what_rfc_7714_says() {
    for (length, place) in [(16, 0), (32, 1)] {
        let keys = gcm(length);
        let mut packet = bytes(PACKET);
        keys.seal(&mut packet, 0..12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(hex(&packet), SEALED[place]);
        let mut plain = Vec::new();
        keys.open(&packet, 12, 0x5501_a0b2, 0xf17b, &mut plain)
            .unwrap();
        assert_eq!(hex(&plain), PACKET[24..].replace([' ', '\n'], ""));
        let mut report = bytes(REPORT);
        keys.seal_report(&mut report, REPORT_INDEX).unwrap();
        assert_eq!(hex(&report), SEALED_REPORT[place]);
        let mut plain = Vec::new();
        assert_eq!(keys.open_report(&report, &mut plain), Some(REPORT_INDEX));
        assert_eq!(hex(&plain), REPORT);
    }
}

#[test]
fn session_keys_are_those_of_rfc_3711() {
    let (key, salt) = (bytes(MASTER.0), bytes(MASTER.1));
    let master = (&key[..], &salt[..]);
    let derived = derive::<16>(master, KEY).unwrap();
    assert_eq!(hex(&derived), "c61e7a93744f39ee10734afe3ff7a087");
    let derived = derive::<14>(master, SALT).unwrap();
    assert_eq!(hex(&derived), "30cbbc08863d8c85d49db34a9ae1");
    let derived = derive::<20>(master, AUTHENTICATION).unwrap();
    assert_eq!(hex(&derived), "cebe321f6ff7716b6fd4ab49af256a156d38baa4");
}

#[test]
fn packets_become_what_libsrtp_says_in_counter_mode() {
    let (key, salt) = (bytes(MASTER.0), bytes(MASTER.1));
    let material = |client| KeyingMaterial {
        profile: SrtpProfile::AES128_CM_SHA1_80,
        bytes: [&key[..], &key, &salt, &salt].concat(),
        client,
    };
    let keys = Keys::new(&material(false)).unwrap();
    let mut packet = bytes(COUNTED[0]);
    keys.seal(&mut packet, 0..12, 0xcafe_babe, 0x1234).unwrap();
    assert_eq!(hex(&packet), COUNTED[1]);
    let client = Keys::new(&material(true)).unwrap();
    let mut plain = Vec::new();
    client
        .open(&packet, 12, 0xcafe_babe, 0x1234, &mut plain)
        .unwrap();
    assert_eq!(hex(&plain), COUNTED[0][24..]);
    packet[20] ^= 1;
    let forged = client.open(&packet, 12, 0xcafe_babe, 0x1234, &mut plain);
    assert_eq!(forged, None);
    let mut report = bytes(COUNTED_REPORT[0]);
    keys.seal_report(&mut report, 1).unwrap();
    assert_eq!(hex(&report), COUNTED_REPORT[1]);
    assert_eq!(client.open_report(&report, &mut plain), Some(1));
    assert_eq!(hex(&plain), COUNTED_REPORT[0]);
}

#[test]
fn each_end_reads_what_the_other_says_and_nothing_else() {
    for profile in PROFILES {
        let server = Keys::new(&material(profile, false)).unwrap();
        let client = Keys::new(&material(profile, true)).unwrap();
        let mut report = bytes(REPORT);
        client.seal_report(&mut report, 7).unwrap();
        let mut plain = Vec::new();
        assert_eq!(server.open_report(&report, &mut plain), Some(7));
        assert_eq!(hex(&plain), REPORT);
        assert_eq!(client.open_report(&report, &mut plain), None, "its own");
        for place in 0..report.len() {
            let mut changed = report.clone();
            changed[place] ^= 0x80;
            assert_eq!(server.open_report(&changed, &mut plain), None);
            assert_eq!(server.open_report(&report[..place], &mut plain), None);
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for profile in PROFILES {
        let mut material = material(profile, false);
        material.bytes.pop();
        assert_eq!(Keys::new(&material).err(), Some(Unusable));
    }
}
