//! What the seam costs: the same call of str0m, directly and through a [`Seam`], and a clock read
//! through our `clock_gettime`.
//!
//! `cargo run --release -p tsuji-hermetic --example seam_cost`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use str0m::{Input, Rtc, RtcConfig};
use tsuji_hermetic::{Clock, Seam};

const CALLS: u32 = 2_000_000;
const ROUNDS: u32 = 15;

fn main() {
    let start = Clock::prepare().instant(Duration::from_secs(1_750_000_000));
    let mut direct = RtcConfig::new().build(start);
    let certificate = str0m_aws_lc_rs::default_provider()
        .dtls_provider
        .generate_certificate()
        .expect("a certificate");
    let config = RtcConfig::new().set_dtls_cert(certificate);
    let mut seam = Seam::new([1; 32], move |provider| {
        config.set_crypto_provider(provider).build(start)
    })
    .expect("no panic");

    // The least that is ever asked: that time has passed.
    let work = |rtc: &mut Rtc| black_box(rtc.handle_input(Input::Timeout(start))).is_ok();
    let mut best = [f64::INFINITY; 4];
    for _ in 0..ROUNDS {
        let round = [
            nanos(|| black_box(work(&mut direct))),
            nanos(|| black_box(seam.call(work) == Ok(true))),
            nanos(|| black_box(seam.call(|_| true) == Ok(true))),
            nanos(|| black_box(Instant::now() >= start)),
        ];
        for (best, now) in best.iter_mut().zip(round) {
            *best = best.min(now);
        }
    }
    let [direct, through, alone, clock] = best;
    println!("a timeout handed to an idle Rtc, directly  {direct:>6.1} ns");
    println!("the same through a seam                    {through:>6.1} ns");
    println!("a call through a seam that does nothing    {alone:>6.1} ns");
    println!("a clock read through our clock_gettime     {clock:>6.1} ns");
}

/// How long one call takes.
fn nanos(mut call: impl FnMut() -> bool) -> f64 {
    let begin = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}
