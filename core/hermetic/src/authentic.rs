//! Whether a packet was authentic, also where str0m says nothing about it.
//!
//! str0m reports only packets that bring something new. But what it remembers of authentic packets
//! it also remembers of probes, of padding and of retransmissions that were not needed. Whoever has
//! to know what it remembers has to know of all of them. Its ciphers know: SRTP decrypts what
//! passed authentication (RFC 7714, 8.2), or checks it first (RFC 3711, 3.3).

use std::cell::Cell;

use str0m::config::CryptoProvider;
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

thread_local! {
    static OPENED: Cell<u64> = const { Cell::new(0) };
}

/// How many SRTP and SRTCP packets that str0m saw were authentic so far, of all connections on this thread.
/// Only differences mean something.
pub fn opened() -> u64 {
    OPENED.get()
}

fn note_opened() {
    OPENED.set(OPENED.get().wrapping_add(1));
}

/// `provider` with ciphers that count.
pub(crate) fn counting(provider: CryptoProvider) -> CryptoProvider {
    CryptoProvider {
        srtp_provider: &Counting,
        ..provider
    }
}

fn inner() -> &'static dyn SrtpProvider {
    str0m_aws_lc_rs::default_provider().srtp_provider
}

#[derive(Debug)]
struct Counting;

impl SrtpProvider for Counting {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Counting
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Counting
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Counting
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        inner().srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        inner().srtp_aes_256_ecb_round(key, input, output);
    }
}

/// A cipher that is looked at.
#[derive(Debug)]
struct Noted<C: ?Sized>(Box<C>);

impl SupportedAes128CmSha1_80 for Counting {
    fn create_cipher(&self, key: [u8; 16], encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        let cipher = inner().aes_128_cm_sha1_80().create_cipher(key, encrypt);
        Box::new(Noted(cipher))
    }
}

impl SupportedAeadAes128Gcm for Counting {
    fn create_cipher(&self, key: [u8; 16], encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Noted(
            inner().aead_aes_128_gcm().create_cipher(key, encrypt),
        ))
    }
}

impl SupportedAeadAes256Gcm for Counting {
    fn create_cipher(&self, key: [u8; 32], encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Noted(
            inner().aead_aes_256_gcm().create_cipher(key, encrypt),
        ))
    }
}

impl Aes128CmSha1_80Cipher for Noted<dyn Aes128CmSha1_80Cipher> {
    fn encrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.0.encrypt(iv, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.0.decrypt(iv, input, output)?;
        note_opened();
        Ok(())
    }
}

impl AeadAes128GcmCipher for Noted<dyn AeadAes128GcmCipher> {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.0.encrypt(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = self.0.decrypt(iv, aads, input, output)?;
        note_opened();
        Ok(length)
    }
}

impl AeadAes256GcmCipher for Noted<dyn AeadAes256GcmCipher> {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.0.encrypt(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = self.0.decrypt(iv, aads, input, output)?;
        note_opened();
        Ok(length)
    }
}
