//! DTLS whose randomness comes from a seed. Everything bulk stays with aws-lc.
//!
//! - ECDHE private keys (RFC 8422, 5.10; RFC 7748): drawn from a ChaCha20 generator of 256 bits of
//!   seed, one generator for each connection.
//! - ECDSA signatures: RFC 6979, by RustCrypto.
//! - Hello randoms, record nonces, timer jitter: dimpl's own generator. Its seed has 64 bits; what
//!   comes out of it is public or needs only be unique, none of it is a secret.
//!
//! dimpl asks for a key by a static object. The generator is therefore handed to it through a
//! thread-local, which each call into a connection's DTLS fills and empties.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey, X25519};
use dimpl::crypto::{ActiveKeyExchange, Buf, NamedGroup, SupportedKxGroup};
use dimpl::{CryptoError as DtlsCryptoError, CryptoOperation};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
};

thread_local! {
    /// The generator of the connection whose DTLS runs now.
    static RUNNING: RefCell<Option<Box<ChaCha20Rng>>> = const { RefCell::new(None) };
    /// What the next connection made on this thread begins with.
    static NEXT_SEED: Cell<Option<[u8; 32]>> = const { Cell::new(None) };
    /// What the handshake of the connection that runs now has agreed on.
    static AGREED: Cell<Option<KeyingMaterial>> = const { Cell::new(None) };
}

/// What a handshake has agreed on for SRTP (RFC 5764, 4.2).
pub struct KeyingMaterial {
    /// The protection profile.
    pub profile: SrtpProfile,
    /// `client_write_SRTP_master_key`, the server's, and both salts.
    pub bytes: Vec<u8>,
    /// Whether this end is the client.
    pub client: bool,
}

impl std::fmt::Debug for KeyingMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyingMaterial")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// What a handshake on this thread has agreed on since this was last asked.
pub(crate) fn agreed() -> Option<KeyingMaterial> {
    AGREED.take()
}

/// str0m's provider with aws-lc, with our DTLS in it.
pub fn seeded_provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        Arc::new(CryptoProvider {
            dtls_provider: &SeededDtls,
            ..str0m_aws_lc_rs::default_provider()
        })
    });
    PROVIDER.clone()
}

/// str0m's provider with aws-lc as it is.
pub(crate) fn plain_provider() -> Arc<CryptoProvider> {
    Arc::new(str0m_aws_lc_rs::default_provider())
}

/// Whether a server can sign with it: PKCS #8 or SEC 1, DER, a curve that DTLS has here. A DTLS
/// server made with any other panics.
pub fn is_private_key(der: &[u8]) -> bool {
    let keys = dimpl::crypto::rust_crypto::default_provider().key_provider;
    keys.load_private_key(der).is_ok()
}

/// Makes a DTLS 1.2 hello and throws it away: dimpl takes its wall clock with the first.
pub(crate) fn say_hello(now: Instant) {
    let Ok(certificate) = dimpl::certificate::generate_self_signed_certificate() else {
        return;
    };
    let provider = dimpl::crypto::aws_lc_rs::default_provider();
    let config = dimpl::Config::builder().with_crypto_provider(provider);
    let Ok(config) = config.dangerously_set_rng_seed(0).build() else {
        return;
    };
    let mut client = dimpl::Dtls::new_12(Arc::new(config), certificate, now);
    client.set_active(true);
    // A hello that fails fails in a connection too, where it is reported.
    let _ = client.handle_timeout(now);
    let _ = client.poll_output(&mut [0; 2_000]);
}

/// Runs `f`, in which one connection may be made; its DTLS begins with this seed.
pub(crate) fn with_seed_for_next_connection<R>(seed: [u8; 32], f: impl FnOnce() -> R) -> R {
    NEXT_SEED.set(Some(seed));
    let result = f();
    NEXT_SEED.set(None);
    result
}

/// Runs `f` with `rng` as the running connection's generator.
fn running<R>(rng: &mut Option<Box<ChaCha20Rng>>, f: impl FnOnce() -> R) -> R {
    let before = RUNNING.with(|running| running.replace(rng.take()));
    let result = f();
    *rng = RUNNING.with(|running| running.replace(before));
    result
}

/// Fails outside of [`running`].
fn draw_key() -> Result<[u8; 32], DtlsCryptoError> {
    RUNNING.with(|running| {
        let mut running = running.borrow_mut();
        let rng = running.as_mut().ok_or(DtlsCryptoError::OperationFailed(
            CryptoOperation::GenerateEphemeralKey,
        ))?;
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Ok(key)
    })
}

/// One ECDHE exchange.
struct KeyExchange {
    group: NamedGroup,
    private_key: agreement::PrivateKey,
    public_key: Buf,
}

impl std::fmt::Debug for KeyExchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyExchange")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl ActiveKeyExchange for KeyExchange {
    fn pub_key(&self) -> &[u8] {
        &self.public_key
    }

    fn complete(self: Box<Self>, peer: &[u8], out: &mut Buf) -> Result<(), DtlsCryptoError> {
        let peer = UnparsedPublicKey::new(algorithm(self.group), peer);
        // aws-lc refuses points off the curve and shared secrets of zero (RFC 7748, 6.1).
        let invalid = DtlsCryptoError::InvalidPublicKey(self.group);
        agreement::agree(&self.private_key, peer, invalid, |secret| {
            out.clear();
            out.extend_from_slice(secret);
            Ok(())
        })
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

fn algorithm(group: NamedGroup) -> &'static agreement::Algorithm {
    match group {
        NamedGroup::X25519 => &X25519,
        _ => &ECDH_P256,
    }
}

/// A group that we offer. Browsers have both; a third would only make each connection dearer.
#[derive(Debug)]
struct Group(NamedGroup);

static GROUPS: &[&dyn SupportedKxGroup] =
    &[&Group(NamedGroup::X25519), &Group(NamedGroup::Secp256r1)];

/// A random number is no P-256 scalar once in 2^32.
const ATTEMPTS: usize = 8;

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        self.0
    }

    fn start_exchange(&self, mut buf: Buf) -> Result<Box<dyn ActiveKeyExchange>, DtlsCryptoError> {
        let failed = DtlsCryptoError::OperationFailed;
        for _ in 0..ATTEMPTS {
            let algorithm = algorithm(self.0);
            let Ok(key) = agreement::PrivateKey::from_private_key(algorithm, &draw_key()?) else {
                continue;
            };
            let public_key = key
                .compute_public_key()
                .map_err(|_| failed(CryptoOperation::ComputePublicKey))?;
            buf.clear();
            buf.extend_from_slice(public_key.as_ref());
            return Ok(Box::new(KeyExchange {
                group: self.0,
                private_key: key,
                public_key: buf,
            }));
        }
        Err(failed(CryptoOperation::GenerateEphemeralKey))
    }
}

/// dimpl checks a provider each time that a configuration is built; this one checks itself with a
/// generator of its own, because no connection runs then.
fn build_config(mtu: Option<usize>, rng_seed: u64) -> Result<dimpl::Config, CryptoError> {
    let provider = dimpl::crypto::CryptoProvider {
        kx_groups: GROUPS,
        key_provider: dimpl::crypto::rust_crypto::default_provider().key_provider,
        ..dimpl::crypto::aws_lc_rs::default_provider()
    };
    // RFC 6347, 4.2.1 asks for cookies against forged addresses; ICE has proved the address.
    let mut builder = dimpl::Config::builder()
        .use_server_cookie(false)
        .with_crypto_provider(provider)
        .dangerously_set_rng_seed(rng_seed);
    if let Some(mtu) = mtu {
        builder = builder.mtu(mtu);
    }
    let mut rng = Some(Box::new(ChaCha20Rng::from_seed([0; 32])));
    running(&mut rng, || builder.build())
        .map_err(|error| CryptoError::Other(format!("DTLS configuration: {error}")))
}

#[derive(Debug)]
struct SeededDtls;

impl DtlsProvider for SeededDtls {
    /// A certificate is an input.
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
        let seed = NEXT_SEED
            .take()
            .ok_or_else(|| CryptoError::Other("a connection made outside of the seam".into()))?;
        let mut rng = ChaCha20Rng::from_seed(seed);
        let config = Arc::new(build_config(mtu, rng.next_u64())?);
        let certificate = dimpl::DtlsCertificate {
            certificate: certificate.certificate.clone(),
            private_key: certificate.private_key.clone(),
        };
        let mut rng = Some(Box::new(rng));
        let dtls = running(&mut rng, || match version {
            DtlsVersion::Dtls12 => Ok(dimpl::Dtls::new_12(config, certificate, now)),
            DtlsVersion::Dtls13 => Ok(dimpl::Dtls::new_13(config, certificate, now)),
            DtlsVersion::Auto => Ok(dimpl::Dtls::new_auto(config, certificate, now)),
            other => Err(CryptoError::Other(format!("no DTLS version {other}"))),
        })?;
        Ok(Box::new(Instance {
            dtls,
            rng,
            connected: false,
        }))
    }
}

/// A connection's DTLS and its generator.
struct Instance {
    dtls: dimpl::Dtls,
    rng: Option<Box<ChaCha20Rng>>,
    /// The handshake is over, and with it the need for keys. str0m asks for output more often than for
    /// anything else, and then its generator need not be put in place each time.
    connected: bool,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        running(&mut self.rng, || self.dtls.set_active(active));
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        running(&mut self.rng, || self.dtls.handle_packet(packet))
    }

    /// Application data is left out. It could only be SCTP (RFC 8261) for data channels, which
    /// nobody here offers, and str0m keeps an association for each INIT even so.
    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = match self.connected {
            true => self.dtls.poll_output(buf),
            false => running(&mut self.rng, || self.dtls.poll_output(buf)),
        };
        match output {
            DtlsOutput::ApplicationData(_) => DtlsOutput::ApplicationData(&[]),
            output => {
                self.connected |= matches!(output, DtlsOutput::Connected);
                if let DtlsOutput::KeyingMaterial(material, profile) = &output {
                    AGREED.set(Some(KeyingMaterial {
                        profile: *profile,
                        bytes: material.as_ref().to_vec(),
                        client: self.dtls.is_active(),
                    }));
                }
                output
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        running(&mut self.rng, || self.dtls.handle_timeout(now))
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        running(&mut self.rng, || self.dtls.send_application_data(data))
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        running(&mut self.rng, || self.dtls.close())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(active: bool, now: Instant) -> Box<dyn DtlsInstance> {
        let made = plain_provider().dtls_provider.generate_certificate();
        let certificate = made.expect("a certificate can be made");
        let make = || SeededDtls.new_dtls(&certificate, now, DtlsVersion::Dtls12, None);
        let mut end = with_seed_for_next_connection([u8::from(active); 32], make).unwrap();
        end.set_active(active);
        end.handle_timeout(now).unwrap();
        end
    }

    /// Gives `to` what `from` sends. Lengths of the application data that `from` received.
    fn pass(from: &mut dyn DtlsInstance, to: &mut dyn DtlsInstance) -> Vec<usize> {
        let (mut buf, mut received) = ([0; 2_000], Vec::new());
        loop {
            match from.poll_output(&mut buf) {
                DtlsOutput::Packet(packet) => to.handle_packet(packet).unwrap(),
                DtlsOutput::ApplicationData(data) => received.push(data.len()),
                DtlsOutput::Timeout(_) => return received,
                _ => {}
            }
        }
    }

    #[test]
    fn what_a_peer_sends_inside_dtls_reaches_nobody() {
        let now = crate::Clock::prepare().instant(std::time::Duration::ZERO);
        let (mut client, mut server) = (end(true, now), end(false, now));
        for _ in 0..10 {
            pass(&mut *client, &mut *server);
            pass(&mut *server, &mut *client);
        }
        client.send_application_data(b"an SCTP packet").unwrap();
        pass(&mut *client, &mut *server);
        assert_eq!(pass(&mut *server, &mut *client), [0]);
    }
}
