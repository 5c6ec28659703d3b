//! Real Chromium with a fake camera and microphone, driven over WebDriver.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};

use super::portrait::Portrait;

/// What a call needs in a machine without screen, sandbox, camera and network, and nothing that
/// Chromium does on its own account.
const FLAGS: [&str; 15] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Several windows share a screen that does not exist: none of them is in front.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--window-size=1280,800",
];

/// ChromeDriver; it and its browsers end when this is dropped.
#[derive(Debug)]
pub struct Browsers {
    driver: Child,
    url: String,
}

/// A browser of its own: processes, profile, camera.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    // Dropped behind the driver, which ends the browser.
    _profile: TempDir,
}

impl Browsers {
    /// Starts ChromeDriver on a free port.
    pub fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("no ChromeDriver ({error}); ./test installs it"));
        let output = driver.stdout.take().expect("it was piped");
        let port = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| port_in(&line));
        let port = port.expect("ChromeDriver says its port");
        Self {
            driver,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Opens a browser whose camera shows a portrait, or Chromium's own test picture.
    pub(crate) async fn open(&self, portrait: Option<&Portrait>) -> Browser {
        let profile = TempDir::with_prefix("tsuji-chromium-").expect("the system has room");
        let mut wanted = DesiredCapabilities::chrome();
        let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        if let Some(portrait) = portrait {
            let film = portrait.film(profile.path());
            flags.push(format!(
                "--use-file-for-fake-video-capture={}",
                film.display()
            ));
        }
        for flag in flags {
            wanted.add_arg(&flag).expect("flags are text");
        }
        wanted
            .set_browser_log_level(LoggingPrefsLogLevel::All)
            .expect("levels are text");
        let driver = WebDriver::new(self.url.as_str(), wanted)
            .await
            .unwrap_or_else(|error| panic!("no Chromium: {error}"));
        Browser {
            driver,
            _profile: profile,
        }
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        // Browsers are children of ChromeDriver and in its group.
        let _ = kill_process_group(Pid::from_child(&self.driver), Signal::TERM);
        let _ = self.driver.wait();
    }
}

/// `ChromeDriver was started successfully on port 40123.`
fn port_in(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}
