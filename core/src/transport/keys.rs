//! SRTP and SRTCP of one connection: session keys, and what is done with them (RFC 3711, RFC 7714).
//!
//! A key and a nonce go together once, ever. Nonces are made of the SSRC and of a number that goes up: so
//! an SSRC has one sender, which never uses a number twice ([`Window`](super::window::Window)).

use std::ops::Range;

use aws_lc_rs::aead::{self, AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, AES_128, AES_256, EncryptingKey, EncryptionContext};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use str0m::crypto::dtls::SrtpProfile;
use tsuji_hermetic::KeyingMaterial;

/// Bytes behind an SRTP packet at most: the tag of AES-GCM (RFC 7714, 14.2).
pub(super) const TAG: usize = 16;
/// The tag of HMAC-SHA1-80 (RFC 3711, 4.2).
const SHORT_TAG: usize = 10;
/// What is never encrypted of an SRTCP packet, and the index behind it (RFC 3711, 3.4).
const CLEAR: usize = 8;
const INDEX: usize = 4;
/// Says in the index that the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// RFC 3711, 4.3.2; those for SRTCP are three more.
const KEY: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALT: u8 = 2;
const SRTCP: u8 = 3;

/// The session keys of a connection.
#[derive(Debug)]
pub(super) struct Keys {
    rtp: Cipher,
    rtcp: Cipher,
    /// What the peer encrypts with.
    peer_rtp: Cipher,
    peer_rtcp: Cipher,
}

/// No key can be made of what DTLS gave: it has another length, or a profile that is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unusable;

impl Keys {
    /// RFC 5764, 4.2: both master keys, then both salts, the client's first.
    pub(super) fn new(material: &KeyingMaterial) -> Result<Self, Unusable> {
        let (key, salt) = match material.profile {
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            _ => return Err(Unusable),
        };
        let bytes = &material.bytes;
        if bytes.len() != 2 * (key + salt) {
            return Err(Unusable);
        }
        let (keys, salts) = bytes.split_at(2 * key);
        let (client, server) = (
            (&keys[..key], &salts[..salt]),
            (&keys[key..], &salts[salt..]),
        );
        let (own, peer) = match material.client {
            true => (client, server),
            false => (server, client),
        };
        Ok(Self {
            rtp: Cipher::new(material.profile, own, 0)?,
            rtcp: Cipher::new(material.profile, own, SRTCP)?,
            peer_rtp: Cipher::new(material.profile, peer, 0)?,
            peer_rtcp: Cipher::new(material.profile, peer, SRTCP)?,
        })
    }

    /// Makes SRTP of an RTP packet, which is all of `bytes` from its header on. `index`: its extended sequence
    /// number, which no packet of its SSRC had before. `None`: it can't be sent.
    #[must_use]
    pub(super) fn seal(
        &self,
        bytes: &mut Vec<u8>,
        header: Range<usize>,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        match &self.rtp {
            Cipher::Gcm { key, salt } => {
                let packet = bytes.get_mut(header.start..)?;
                let (header, payload) = packet.split_at_mut_checked(header.len())?;
                let tag = sealed(key, salt, packet_nonce(ssrc, index), header, payload)?;
                bytes.extend_from_slice(tag.as_ref());
            }
            Cipher::Counter(counter) => {
                let payload = bytes.get_mut(header.end..)?;
                counter.count(ssrc, index, payload)?;
                let tag = packet_tag(&counter.authentication, bytes.get(header.start..)?, index);
                bytes.extend_from_slice(&tag.as_ref()[..SHORT_TAG]);
            }
        }
        Some(())
    }

    /// Makes SRTCP of a compound packet. `index`: one that no other of its SSRC had; 31 bits. `None`: it
    /// can't be sent.
    #[must_use]
    pub(super) fn seal_report(&self, packet: &mut Vec<u8>, index: u32) -> Option<()> {
        let ssrc = ssrc_of(packet)?;
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                let (clear, rest) = packet.split_at_mut_checked(CLEAR)?;
                let nonce = report_nonce(ssrc, index);
                let tag = sealed(key, salt, nonce, &authenticated(clear, word), rest)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
            }
            Cipher::Counter(counter) => {
                let rest = packet.get_mut(CLEAR..)?;
                counter.count(ssrc, index.into(), rest)?;
                packet.extend_from_slice(&word);
                let tag = hmac::sign(&counter.authentication, packet);
                packet.extend_from_slice(&tag.as_ref()[..SHORT_TAG]);
            }
        }
        Some(())
    }

    /// Puts the payload, with its padding, into `plain` of which the peer made this SRTP packet. `header`: how many
    /// bytes its header has; `index`: its extended sequence number. `None`: it is not authentic.
    #[must_use]
    pub(super) fn open(
        &self,
        datagram: &[u8],
        header: usize,
        ssrc: u32,
        index: u64,
        plain: &mut Vec<u8>,
    ) -> Option<()> {
        match &self.peer_rtp {
            Cipher::Gcm { key, salt } => {
                let (packet, tag) = datagram.split_last_chunk::<TAG>()?;
                let (header, sealed) = packet.split_at_checked(header)?;
                plain.resize(sealed.len(), 0);
                let nonce = salted(packet_nonce(ssrc, index), salt);
                let opened = key.open_separate_gather(nonce, Aad::from(header), sealed, tag, plain);
                opened.ok()
            }
            Cipher::Counter(counter) => {
                let (packet, tag) = datagram.split_last_chunk::<SHORT_TAG>()?;
                let made = packet_tag(&counter.authentication, packet, index);
                verify_slices_are_equal(&made.as_ref()[..SHORT_TAG], tag).ok()?;
                plain.clear();
                plain.extend_from_slice(packet.get(header..)?);
                counter.count(ssrc, index, plain)
            }
        }
    }

    /// Puts the compound packet into `plain` that the peer made this SRTCP of, and says its index. `None`:
    /// it is not authentic, or came in clear, which has no place in WebRTC (RFC 8827, 6.5).
    #[must_use]
    pub(super) fn open_report(&self, datagram: &[u8], plain: &mut Vec<u8>) -> Option<u32> {
        plain.clear();
        let ssrc = ssrc_of(datagram)?;
        let index = |word: &[u8; INDEX]| {
            let word = u32::from_be_bytes(*word);
            (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
        };
        match &self.peer_rtcp {
            Cipher::Gcm { key, salt } => {
                let (packet, word) = datagram.split_last_chunk::<INDEX>()?;
                let index = index(word)?;
                let (clear, sealed) = packet.split_at_checked(CLEAR)?;
                plain.extend_from_slice(clear);
                plain.extend_from_slice(sealed);
                let nonce = salted(report_nonce(ssrc, index), salt);
                let associated = Aad::from(authenticated(clear, *word));
                let sealed = plain.get_mut(CLEAR..)?;
                let opened = key.open_in_place(nonce, associated, sealed).ok()?.len();
                plain.truncate(CLEAR + opened);
                Some(index)
            }
            Cipher::Counter(counter) => {
                let (packet, tag) = datagram.split_last_chunk::<SHORT_TAG>()?;
                let made = hmac::sign(&counter.authentication, packet);
                verify_slices_are_equal(&made.as_ref()[..SHORT_TAG], tag).ok()?;
                let (packet, word) = packet.split_last_chunk::<INDEX>()?;
                let index = index(word)?;
                plain.extend_from_slice(packet);
                let rest = plain.get_mut(CLEAR..)?;
                counter.count(ssrc, index.into(), rest)?;
                Some(index)
            }
        }
    }
}

/// A session key with all that goes with it.
enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    Counter(Box<Counter>),
}

/// AES in counter mode, and HMAC-SHA1.
struct Counter {
    key: EncryptingKey,
    salt: [u8; 14],
    authentication: hmac::Key,
}

impl Counter {
    /// Encrypts, or decrypts, what has this index.
    fn count(&self, ssrc: u32, index: u64, bytes: &mut [u8]) -> Option<()> {
        count(&self.key, count_from(&self.salt, ssrc, index), bytes)
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    fn new(profile: SrtpProfile, master: (&[u8], &[u8]), labels: u8) -> Result<Self, Unusable> {
        let gcm = |algorithm, key: &[u8]| {
            let key = UnboundKey::new(algorithm, key).map_err(|_| Unusable)?;
            Ok(Self::Gcm {
                key: LessSafeKey::new(key),
                salt: derive(master, labels + SALT)?,
            })
        };
        match profile {
            SrtpProfile::AEAD_AES_128_GCM => {
                gcm(&AES_128_GCM, &derive::<16>(master, labels + KEY)?)
            }
            SrtpProfile::AEAD_AES_256_GCM => {
                gcm(&AES_256_GCM, &derive::<32>(master, labels + KEY)?)
            }
            _ => {
                let authentication = derive::<20>(master, labels + AUTHENTICATION)?;
                let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
                Ok(Self::Counter(Box::new(Counter {
                    key: counting(&derive::<16>(master, labels + KEY)?)?,
                    salt: derive(master, labels + SALT)?,
                    authentication: hmac::Key::new(algorithm, &authentication),
                })))
            }
        }
    }
}

/// RFC 3711, 4.3.3 and RFC 7714, 11: the key stream of AES in counter mode under the master key, from where
/// salt and label say.
fn derive<const N: usize>((key, salt): (&[u8], &[u8]), label: u8) -> Result<[u8; N], Unusable> {
    let mut from = [0; 16];
    from.iter_mut().zip(salt).for_each(|(to, salt)| *to = *salt);
    from[7] ^= label;
    let mut derived = [0; N];
    count(&counting(key)?, from, &mut derived).ok_or(Unusable)?;
    Ok(derived)
}

fn counting(key: &[u8]) -> Result<EncryptingKey, Unusable> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    let key = cipher::UnboundCipherKey::new(algorithm, key).map_err(|_| Unusable)?;
    EncryptingKey::ctr(key).map_err(|_| Unusable)
}

/// Encrypts, or decrypts, in counter mode.
fn count(key: &EncryptingKey, from: [u8; 16], bytes: &mut [u8]) -> Option<()> {
    let from = EncryptionContext::Iv128(from.into());
    key.less_safe_encrypt(bytes, from).ok().map(drop)
}

/// RFC 3711, 4.1.1.
fn count_from(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut from = [0; 16];
    from[4..8].copy_from_slice(&ssrc.to_be_bytes());
    from[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
    from.iter_mut().zip(salt).for_each(|(a, b)| *a ^= b);
    from
}

/// RFC 7714, 8.1, before it is salted.
fn packet_nonce(ssrc: u32, index: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
    nonce
}

/// RFC 3711, 4.2: the rollover counter is authenticated too.
fn packet_tag(authentication: &hmac::Key, packet: &[u8], index: u64) -> hmac::Tag {
    let mut tag = hmac::Context::with_key(authentication);
    tag.update(packet);
    tag.update(&index.to_be_bytes()[2..6]);
    tag.sign()
}

/// RFC 7714, 9.1, before it is salted.
fn report_nonce(ssrc: u32, index: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[8..].copy_from_slice(&index.to_be_bytes());
    nonce
}

fn salted(mut nonce: [u8; 12], salt: &[u8; 12]) -> Nonce {
    nonce.iter_mut().zip(salt).for_each(|(a, b)| *a ^= b);
    Nonce::assume_unique_for_key(nonce)
}

fn sealed(
    key: &LessSafeKey,
    salt: &[u8; 12],
    nonce: [u8; 12],
    associated: &[u8],
    bytes: &mut [u8],
) -> Option<aead::Tag> {
    let associated = Aad::from(associated);
    let sealed = key.seal_in_place_separate_tag(salted(nonce, salt), associated, bytes);
    sealed.ok()
}

/// RFC 7714, 9.2: what is in clear, and the index.
fn authenticated(clear: &[u8], word: [u8; INDEX]) -> [u8; CLEAR + INDEX] {
    let mut all = [0; CLEAR + INDEX];
    let bytes = clear.iter().chain(&word);
    all.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    all
}

/// Whose nonces an RTCP packet takes: those of its first sender.
pub(super) fn ssrc_of(report: &[u8]) -> Option<u32> {
    let (_, rest) = report.split_first_chunk::<4>()?;
    rest.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc))
}

#[cfg(test)]
mod tests;
