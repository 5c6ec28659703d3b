//! The SRTP keys of a connection, so that any plaintext can be protected (RFC 3711, RFC 7714).
//!
//! str0m hides the keys and only writes well-formed packets. Its DTLS exports them through the
//! crypto provider, and there they are tapped. There, too, anything can be said inside of DTLS.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion, KeyingMaterial};
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
};
use str0m::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256GcmCipher, CryptoError, SrtpProvider,
};

const TAG: usize = 16;
const SALT: usize = 12;

/// What one side of a connection protects with.
pub(crate) struct Keys {
    rtp: Cipher,
    rtcp: Cipher,
    srtcp_index: u32,
    /// The newest packet index of each SSRC (RFC 3711, 3.3.1), as the receiver guesses it.
    indices: BTreeMap<u32, u64>,
}

struct Cipher {
    gcm: Gcm,
    salt: [u8; SALT],
}

enum Gcm {
    Short(Box<dyn AeadAes128GcmCipher>),
    Long(Box<dyn AeadAes256GcmCipher>),
}

impl Keys {
    /// Those of the side that opened the DTLS connection (RFC 5764, 4.2), if `active`, or of the
    /// other. `None` for a profile that str0m's own clients never choose.
    fn new(material: &[u8], profile: SrtpProfile, active: bool) -> Option<Self> {
        let key_len = match profile {
            SrtpProfile::AEAD_AES_128_GCM => 16,
            SrtpProfile::AEAD_AES_256_GCM => 32,
            _ => return None,
        };
        let (keys, salts) = material.split_at(2 * key_len);
        let side = usize::from(!active);
        let (key, salt) = (
            &keys[side * key_len..][..key_len],
            &salts[side * SALT..][..SALT],
        );
        Some(Self {
            rtp: Cipher::derive(key, salt, 0),
            rtcp: Cipher::derive(key, salt, 3),
            srtcp_index: 0,
            indices: BTreeMap::new(),
        })
    }

    /// The newest packet of `ssrc` so far had this index.
    pub(crate) fn continue_from(&mut self, ssrc: u32, index: u64) {
        self.indices.insert(ssrc, index);
    }

    /// Protects what is to be taken for an RTP packet. What has no complete header stays as it is.
    pub(crate) fn rtp(&mut self, packet: &[u8]) -> Vec<u8> {
        let Some((header, payload)) = split_header(packet) else {
            return packet.to_vec();
        };
        let sequence = u16::from_be_bytes([header[2], header[3]]);
        let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let newest = self.indices.get(&ssrc).copied();
        let index = newest.map_or(u64::from(sequence), |newest| extend(newest, sequence));
        self.indices
            .insert(ssrc, newest.unwrap_or(index).max(index));
        let iv = AeadAes128Gcm::rtp_iv(self.rtp.salt, ssrc, (index >> 16) as u32, sequence);
        let mut out = header.to_vec();
        out.extend(self.rtp.gcm.encrypt(&iv, header, payload));
        out
    }

    /// Protects what is to be taken for a compound RTCP packet.
    pub(crate) fn rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        let Some((head, rest)) = packet.split_at_checked(8) else {
            return packet.to_vec();
        };
        let ssrc = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        self.srtcp_index += 1;
        let index = (self.srtcp_index | 0x8000_0000).to_be_bytes();
        let iv = AeadAes128Gcm::rtcp_iv(self.rtcp.salt, ssrc, self.srtcp_index);
        let aad = [head, &index].concat();
        let mut out = head.to_vec();
        out.extend(self.rtcp.gcm.encrypt(&iv, &aad, rest));
        out.extend_from_slice(&index);
        out
    }
}

/// The header as the receiver will see it: with its contributing sources and its extension.
fn split_header(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = *packet.first()?;
    let mut length = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = packet.get(length + 2..length + 4)?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    packet.split_at_checked(length)
}

/// The index nearest to `newest` that ends in `sequence`.
fn extend(newest: u64, sequence: u16) -> u64 {
    let ahead = sequence.wrapping_sub(newest as u16) as i16;
    newest
        .checked_add_signed(ahead.into())
        .unwrap_or(sequence.into())
}

impl Cipher {
    /// RFC 3711, 4.3.1, with a key derivation rate of zero.
    fn derive(key: &[u8], salt: &[u8], label: u8) -> Self {
        let provider = str0m_aws_lc_rs::default_provider().srtp_provider;
        let derived = |label, out: &mut [u8]| {
            for (round, out) in out.chunks_mut(16).enumerate() {
                let mut input = [0; 16];
                input[..SALT].copy_from_slice(salt);
                input[7] ^= label;
                input[15] = round as u8;
                out.copy_from_slice(&block(provider, key, &input)[..out.len()]);
            }
        };
        let mut session_salt = [0; SALT];
        derived(label + 2, &mut session_salt);
        let gcm = if key.len() == 16 {
            let mut key = [0; 16];
            derived(label, &mut key);
            Gcm::Short(provider.aead_aes_128_gcm().create_cipher(key, true))
        } else {
            let mut key = [0; 32];
            derived(label, &mut key);
            Gcm::Long(provider.aead_aes_256_gcm().create_cipher(key, true))
        };
        Self {
            gcm,
            salt: session_salt,
        }
    }
}

fn block(provider: &dyn SrtpProvider, key: &[u8], input: &[u8; 16]) -> [u8; 32] {
    let mut out = [0; 32];
    match key.len() {
        16 => provider.srtp_aes_128_ecb_round(key, input, &mut out),
        _ => provider.srtp_aes_256_ecb_round(key, input, &mut out),
    }
    out
}

impl Gcm {
    fn encrypt(&mut self, iv: &[u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut out = vec![0; plain.len() + TAG];
        let result = match self {
            Gcm::Short(cipher) => cipher.encrypt(iv, aad, plain, &mut out),
            Gcm::Long(cipher) => cipher.encrypt(iv, aad, plain, &mut out),
        };
        result.expect("GCM encrypts whatever it is given");
        out
    }
}

thread_local! {
    static TAPPED: RefCell<Option<Keys>> = const { RefCell::new(None) };
    /// What the next DTLS connection that is asked for its output is to send.
    static SAY: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Makes the client that runs next send this inside of its DTLS connection: str0m has no call for
/// that without a data channel.
pub(super) fn say(bytes: Vec<u8>) {
    SAY.set(Some(bytes));
}

/// Takes back what [`say`] was given, if nobody said it.
pub(super) fn say_nothing() {
    SAY.set(None);
}

/// The keys that came up since the last call, on this thread.
pub(crate) fn tapped() -> Option<Keys> {
    TAPPED.take()
}

/// A provider that does what `inner` does, and is tapped.
pub(crate) fn tap(inner: &CryptoProvider) -> CryptoProvider {
    CryptoProvider {
        dtls_provider: &Tap,
        ..inner.clone()
    }
}

#[derive(Debug)]
struct Tap;

#[derive(Debug)]
struct Tapped(Box<dyn DtlsInstance>);

impl DtlsProvider for Tap {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        None
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = tsuji_hermetic::seeded_provider().dtls_provider;
        let dtls = inner.new_dtls(certificate, now, version, mtu)?;
        Ok(Box::new(Tapped(dtls)))
    }
}

impl DtlsInstance for Tapped {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        if let Some(bytes) = SAY.take() {
            // Fails before the connection is up, and then it was not said.
            let _ = self.0.send_application_data(&bytes);
        }
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            let material: &KeyingMaterial = material;
            TAPPED.set(Keys::new(material, *profile, self.0.is_active()));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
