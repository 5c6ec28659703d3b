//! Real browsers with a fake camera and microphone, driven over WebDriver.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
use tempfile::TempDir;
use thirtyfour::{Capabilities, WebDriver};

use super::network::Network;
use super::portrait::Portrait;
use super::{chromium, firefox};

/// Whose browser it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Chromium, driven by ChromeDriver.
    Chromium,
    /// Firefox, driven by geckodriver. Its fake camera shows a colour that changes, to everybody
    /// the same, and no portrait.
    Firefox,
}

/// Some of Chromium's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Gives the camera's pictures.
    Camera,
    /// Runs the page, and codes and decodes its media.
    Page,
}

impl Part {
    /// What is in the command line of such a process, and of no other.
    fn mark(self) -> &'static str {
        match self {
            Part::Camera => "--utility-sub-type=video_capture.mojom.VideoCaptureService",
            Part::Page => "--type=renderer",
        }
    }
}

/// A browser of its own: processes, profile, camera.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) brand: Brand,
    pub(crate) web: WebDriver,
    // Dropped behind what ends the browser.
    driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser whose camera shows a portrait, or the browser's own test picture. `witness`
    /// runs before the scripts of each page. `place`: among whose people it is; only Chromium can
    /// be there.
    pub(crate) async fn open(
        brand: Brand,
        portrait: Option<&Portrait>,
        witness: &str,
        place: Option<&Network>,
    ) -> Self {
        let profile = TempDir::with_prefix("tsuji-browser-").expect("the system has room");
        let (driver, wanted): (_, Capabilities) = match brand {
            Brand::Chromium => {
                let wanted = chromium::wanted(profile.path(), portrait);
                (
                    Driver::start("chromedriver", &["--port=0"], place),
                    wanted.into(),
                )
            }
            Brand::Firefox => {
                let arguments = ["--port=0", "--websocket-port=0"];
                let wanted = firefox::wanted();
                (
                    Driver::start("geckodriver", &arguments, place),
                    wanted.into(),
                )
            }
        };
        let web = WebDriver::new(driver.url.as_str(), wanted)
            .await
            .unwrap_or_else(|error| panic!("no {brand:?}: {error}"));
        match brand {
            Brand::Chromium => chromium::preload(&web, witness).await,
            Brand::Firefox => firefox::preload(&web, witness),
        }
        Self {
            brand,
            web,
            driver,
            _profile: profile,
        }
    }

    /// Stops all its processes where they are, or lets them go on.
    pub(crate) fn signal(&self, signal: Signal) {
        let group = Pid::from_child(&self.driver.process);
        kill_process_group(group, signal).expect("it runs");
    }

    /// Stops some of Chromium's processes where they are, or lets them go on.
    ///
    /// # Panics
    /// Where there is no such process.
    pub(crate) fn signal_part(&self, part: Part, signal: Signal) {
        let group = Pid::from_child(&self.driver.process);
        let all = fs::read_dir("/proc").expect("Linux tells of processes");
        let ids = all.flatten().filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let id = Pid::from_raw(id)?;
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            let is_part = String::from_utf8_lossy(&command).contains(part.mark());
            (is_part && getpgid(Some(id)) == Ok(group)).then_some(id)
        });
        // One may have ended meanwhile.
        let told = ids.filter(|id| kill_process(*id, signal).is_ok()).count();
        assert!(told > 0, "no process for {part:?}");
    }
}

/// The program between WebDriver and a browser; both end when this is dropped.
#[derive(Debug)]
struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    /// Starts it on a free port.
    fn start(program: &str, arguments: &[&str], place: Option<&Network>) -> Self {
        let (mut command, address) = match place {
            None => (Command::new(program), Ipv4Addr::LOCALHOST),
            Some(network) => {
                let mut command = network.people.command(program);
                let control = network.control();
                command.arg(format!("--allowed-ips={}", control.test()));
                command.arg("--allowed-origins=*");
                (command, control.people)
            }
        };
        let mut process = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("no {program} ({error}); ./test installs it"));
        let output = process.stdout.take().expect("it was piped");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let port = lines.find_map(|line| port_in(&line));
        let port = port.unwrap_or_else(|| panic!("{program} does not say its port"));
        // It goes on talking, and must not wait for somebody to listen.
        thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            url: format!("http://{address}:{port}"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Browsers are children of their driver and in its group.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// `ChromeDriver was started successfully on port 40123.`, or geckodriver's
/// `Listening on 127.0.0.1:40123`.
fn port_in(line: &str) -> Option<u16> {
    let chromium = line.split_once("started successfully on port ");
    let firefox = || line.split_once("Listening on 127.0.0.1:");
    let (_, port) = chromium.or_else(firefox)?;
    port.trim_end_matches('.').parse().ok()
}
