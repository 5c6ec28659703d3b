//! What Chromium is asked for.

use std::path::Path;

use thirtyfour::common::capabilities::chrome::ChromeCapabilities;
use thirtyfour::{
    CapabilitiesHelper, ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel,
    WebDriver,
};

use super::portrait::Portrait;

/// A name that leads to this machine although it does not look so: pages from there are as those
/// from the internet.
pub const ELSEWHERE: &str = "meet.example";

/// What a call needs in a machine without screen, sandbox, camera and network, and nothing that
/// Chromium does on its own account.
const FLAGS: [&str; 16] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--ignore-certificate-errors",
    "--use-fake-ui-for-media-stream",
    // A screen too, which somebody shares without being asked which.
    "--use-fake-device-for-media-stream=display-media-type=monitor",
    "--allow-loopback-in-peer-connection",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Several windows share a screen that does not exist: none of them is in front.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--window-size=1280,800",
];

/// A Chromium with this profile, whose camera shows a portrait, or its own test picture.
/// Certificates that nobody vouches for are believed, also by what is no page: a relay's.
pub(super) fn wanted(profile: &Path, portrait: Option<&Portrait>) -> ChromeCapabilities {
    let mut wanted = DesiredCapabilities::chrome();
    let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    flags.push(format!("--user-data-dir={}", profile.display()));
    flags.push(format!("--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"));
    if let Some(portrait) = portrait {
        let film = portrait.film(profile);
        let film = film.display();
        flags.push(format!("--use-file-for-fake-video-capture={film}"));
    }
    for flag in flags {
        wanted.add_arg(&flag).expect("flags are text");
    }
    // As somebody who has compared the fingerprint.
    wanted.accept_insecure_certs(true).expect("it is known");
    wanted
        .set_browser_log_level(LoggingPrefsLogLevel::All)
        .expect("levels are text");
    wanted
}

/// Has a script run before those of each page.
pub(super) async fn preload(web: &WebDriver, script: &str) {
    let devtools = web.cdp();
    let page = devtools.page();
    let added = page.add_script_to_evaluate_on_new_document(script).await;
    added.expect("a script");
}
