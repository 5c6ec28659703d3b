//! The `Rtc` of a virtual browser, in surroundings that a seed decides.

use std::time::{Duration, Instant};

use str0m::config::DtlsCert;
use str0m::format::{Codec, FormatParams};
use str0m::media::Frequency;
use str0m::{Rtc, RtcConfig};
use tsuji_core::{Certificate, Time, VideoCodec, WallTime};
use tsuji_hermetic::{Clock, KeyingMaterial, Panicked, Seam};

/// Owns an `Rtc`; every call goes through [`Engine::call`].
#[derive(Debug)]
pub(crate) struct Engine {
    seam: Seam,
    base: Instant,
}

impl Engine {
    /// An `Rtc` as a browser has it that knows this codec, made at `t`. `base` stands for `t = 0`.
    pub(crate) fn new(base: Instant, t: Time, seed: [u8; 32], codec: VideoCodec) -> Self {
        Clock::prepare();
        let start = base + Duration::from_micros(t.as_micros());
        let seam = Seam::new(seed, |crypto| {
            let certificate = certificate();
            let config = RtcConfig::new()
                .set_crypto_provider(crypto)
                .set_dtls_cert(DtlsCert {
                    certificate: certificate.der().to_vec(),
                    private_key: certificate.private_key().to_vec(),
                })
                .set_rtp_mode(true)
                .set_stats_interval(Some(Duration::from_secs(1)))
                .clear_codecs()
                .enable_opus(true, false);
            enable(config, codec).build(start)
        });
        Self {
            seam: seam.expect("a virtual browser can be made"),
            base,
        }
    }

    /// Runs `f` on the `Rtc`.
    pub(crate) fn call<R>(&mut self, f: impl FnOnce(&mut Rtc) -> R) -> R {
        unwrap(self.seam.call(f))
    }

    /// The same for calls that negotiate.
    pub(crate) fn negotiate<R: Send>(&mut self, f: impl FnOnce(&mut Rtc) -> R + Send) -> R {
        unwrap(self.seam.call_isolated(f))
    }

    /// What the DTLS handshake has agreed on: once, after the call in which it did.
    pub(crate) fn keying_material(&mut self) -> Option<KeyingMaterial> {
        self.seam.keying_material()
    }

    pub(crate) fn instant(&self, t: Time) -> Instant {
        self.base + Duration::from_micros(t.as_micros())
    }

    /// Rounded up: a timer that fires early would fire again at once.
    pub(crate) fn time(&self, instant: Instant) -> Time {
        let nanos = instant.saturating_duration_since(self.base).as_nanos();
        Time::from_micros(u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX))
    }
}

fn enable(mut config: RtcConfig, codec: VideoCodec) -> RtcConfig {
    match codec {
        VideoCodec::Vp8 => config.enable_vp8(true),
        VideoCodec::H264 => {
            let codecs = config.codec_config();
            codecs.add_h264(108.into(), Some(109.into()), true, 0x42_e0_1f);
            config
        }
        VideoCodec::Vp9 => {
            let format = FormatParams {
                profile_id: Some(0),
                ..Default::default()
            };
            let (clock, codecs) = (Frequency::NINETY_KHZ, config.codec_config());
            let (media, repair) = (98.into(), Some(99.into()));
            codecs.add_config(media, repair, Codec::Vp9, clock, None, format);
            config
        }
        VideoCodec::Av1 => config.enable_av1(true),
    }
}

fn unwrap<R>(result: Result<R, Panicked>) -> R {
    match result {
        Ok(result) => result,
        Err(Panicked) => panic!("a call into a virtual browser's str0m panicked"),
    }
}

/// One certificate for all ends of all simulations: it has to be the same in each run. Nothing
/// outside of tests trusts it.
pub(crate) fn certificate() -> Certificate {
    Certificate::from_der(
        include_bytes!("certificate.der").to_vec(),
        include_bytes!("certificate.pkcs8").to_vec(),
    )
}

/// The `Instant` that stands for `t = 0`.
pub(crate) fn anchor(epoch: WallTime) -> Instant {
    Clock::prepare().instant(Duration::from_micros(epoch.as_unix_micros()))
}
