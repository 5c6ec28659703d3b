//! A person in front of a browser, who presses what has a name and looks at what is shown.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use thirtyfour::common::command::FormatRequestData;
use thirtyfour::common::requestdata::RequestData;
use thirtyfour::session::scriptret::ScriptRet;
use thirtyfour::{Key, SessionId, TypingData, WebDriver, WebElement, WindowHandle};

use super::browsers::{Brand, Browser, Part};
use super::network::Network;
use super::portrait::Portrait;
use super::wire::Wire;

/// What is waited for comes within this, or never. 30 s: a test machine has few cores for several
/// browsers.
const PATIENCE: Duration = Duration::from_secs(30);
/// Frames until a browser has computed an accessible name.
const LABEL_FRAMES: usize = 120;
const WITNESS: &str = include_str!("witness.js");

/// A person in front of a browser of their own.
#[derive(Debug)]
pub struct Guest {
    /// The name that the others see.
    pub name: String,
    browser: Browser,
}

/// What a guest sees and hears of somebody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Frames decoded.
    pub frames: u64,
    /// Energy of the sound (`totalAudioEnergy` of W3C WebRTC statistics).
    pub energy: f64,
    /// Whether a picture is shown.
    pub picture: bool,
    /// Whether their microphone is shown as off.
    pub microphone_off: bool,
    /// The colour of the picture's top left corner, red, green and blue from 0 to 255.
    pub corner: Option<[f32; 3]>,
}

/// The way that media takes (the selected candidate pair of W3C WebRTC statistics).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// `udp` or `tcp`.
    pub transport: String,
    /// How the relay is spoken to, when there is one: `udp`, `tcp` or `tls`.
    pub relay: Option<String>,
    /// The server's address and port.
    pub remote: String,
}

impl Guest {
    /// Opens a browser whose camera shows the portrait, where it can.
    pub async fn arrive(brand: Brand, portrait: &Portrait) -> Self {
        Self::open(brand, portrait.name, Some(portrait), None).await
    }

    /// Opens a Chromium among the people of a network.
    pub async fn arrive_in(network: &Network, portrait: &Portrait) -> Self {
        Self::open(
            Brand::Chromium,
            portrait.name,
            Some(portrait),
            Some(network),
        )
        .await
    }

    /// Opens a browser whose camera shows Chromium's test picture, 30 frames a second.
    pub async fn with_test_picture(name: &str) -> Self {
        Self::open(Brand::Chromium, name, None, None).await
    }

    /// The same, among the people of a network.
    pub async fn with_test_picture_in(network: &Network, name: &str) -> Self {
        Self::open(Brand::Chromium, name, None, Some(network)).await
    }

    async fn open(
        brand: Brand,
        name: &str,
        portrait: Option<&Portrait>,
        place: Option<&Network>,
    ) -> Self {
        let browser = Browser::open(brand, portrait, WITNESS, place).await;
        // Longer than our own patience, whose end says more.
        let script_timeout = browser.web.set_script_timeout(PATIENCE * 3).await;
        script_timeout.expect("a timeout");
        Self {
            name: name.to_owned(),
            browser,
        }
    }

    /// Whose browser it is.
    pub fn brand(&self) -> Brand {
        self.browser.brand
    }

    fn driver(&self) -> &WebDriver {
        &self.browser.web
    }

    /// Opens a page.
    pub async fn go(&self, url: &str) {
        let went = self.driver().goto(url).await;
        went.unwrap_or_else(|error| panic!("{}: {url}: {error}", self.name));
    }

    /// The address of the page.
    pub async fn address(&self) -> String {
        let url = self.driver().current_url().await;
        url.expect("the page has an address").to_string()
    }

    /// Enters a room from its link: writes the name, presses *Join*.
    pub async fn join(&self, link: &str) {
        self.go(link).await;
        self.enter().await;
    }

    /// From the page before the room into it.
    pub async fn enter(&self) {
        self.write("Your name", &self.name).await;
        self.press("Join").await;
        self.control("Leave").await;
    }

    /// Creates a room and enters it; its link. `query`: for example `?ice=vanilla`.
    pub async fn create_room(&self, home: &str, query: &str) -> String {
        self.go(&format!("{home}{query}")).await;
        self.press("Create room").await;
        self.control("Join").await;
        let link = self.address().await;
        self.enter().await;
        link
    }

    /// Presses the button with this accessible name.
    pub async fn press(&self, name: &str) {
        let pressed = self.control(name).await.click().await;
        pressed.unwrap_or_else(|error| panic!("{}: {name}: {error}", self.name));
    }

    /// Writes into the field with this accessible name.
    pub async fn write(&self, name: &str, text: &str) {
        let field = self.control(name).await;
        field.clear().await.expect("a field");
        field.send_keys(text).await.expect("a field");
    }

    /// The control with this accessible name, once it can be used.
    pub async fn control(&self, name: &str) -> WebElement {
        let found = self
            .wait(
                &format!("a control named {name}"),
                PATIENCE,
                "return witness.control(args.name)",
                json!({ "name": name }),
            )
            .await;
        let element = found.element().expect("an element");
        self.check_label(&element, name).await;
        element
    }

    /// Checks the accessible name that the browser computes. Firefox does so some frames after a page
    /// has changed.
    async fn check_label(&self, element: &WebElement, name: &str) {
        let frame = "await new Promise(requestAnimationFrame); return true";
        for _ in 0..LABEL_FRAMES {
            if self.label(element).await == name {
                return;
            }
            self.until("a frame", frame, Value::Null).await;
        }
        let label = self.label(element).await;
        assert_eq!(label, name, "what the browser makes of it");
    }

    /// Types keys, to whatever has the focus.
    pub async fn type_keys(&self, keys: impl Into<TypingData>) {
        let typed = self.driver().action_chain().send_keys(keys).perform().await;
        typed.expect("a keyboard");
    }

    /// The accessible name of what has the focus.
    pub async fn focus(&self) -> String {
        let element = self.driver().active_element().await;
        self.label(&element.expect("something has the focus")).await
    }

    /// The accessible name that the browser computes.
    async fn label(&self, element: &WebElement) -> String {
        let command = ComputedLabel(element.element_id().to_string());
        let response = self.driver().cmd(command).await.expect("an element");
        response.value().expect("a text")
    }

    /// The accessible name of a person's tile, as the browser computes it, checked to be the name.
    pub async fn check_tile(&self, name: &str) {
        let found = self
            .wait(
                &format!("a tile of {name}"),
                PATIENCE,
                "return witness.tiles().find((tile) => tile.name === args.name)?.element",
                json!({ "name": name }),
            )
            .await;
        let element = found.element().expect("an element");
        self.check_label(&element, name).await;
    }

    /// Waits until the page shows a text.
    pub async fn read(&self, text: &str) {
        self.until(
            &format!("the text {text:?}"),
            "return document.body.innerText.includes(args.text)",
            json!({ "text": text }),
        )
        .await;
    }

    /// Waits until this guest sees and hears somebody else better and better: more frames, more
    /// sound. `within` counts from now.
    pub async fn meets(&self, name: &str, within: Duration) -> Seen {
        let seen = self
            .wait(
                &format!("{name}, seen and heard"),
                within,
                "const now = await witness.seen(args.name);
                 if (!now?.picture || now.frames === 0) return null;
                 state.first ??= now;
                 return now.frames >= state.first.frames + 5
                   && now.energy > state.first.energy && now;",
                json!({ "name": name }),
            )
            .await;
        Seen::from(seen.json())
    }

    /// Waits until what is seen of somebody is as a test wants it: `wanted` is JavaScript about
    /// `now`, which has the fields of [`Seen`], and `first`, which is how it was at the beginning.
    pub async fn sees(&self, name: &str, wanted: &str) -> Seen {
        let look = format!(
            "const now = await witness.seen(args.name);
             const first = (state.first ??= now);
             return now && ({wanted}) && now;"
        );
        let what = format!("{name}: {wanted}");
        let seen = self
            .wait(&what, PATIENCE, &look, json!({ "name": name }))
            .await;
        Seen::from(seen.json())
    }

    /// Waits until the tiles of the others are these, in any order.
    pub async fn is_with(&self, names: &[&str], within: Duration) {
        let mut names = names.to_vec();
        names.sort_unstable();
        self.wait(
            &format!("tiles of {names:?} alone"),
            within,
            "const others = witness.tiles().map(({ name }) => name).filter((name) => !name.endsWith(' (you)'));
             return JSON.stringify(others.sort()) === JSON.stringify(args.names);",
            json!({ "names": names }),
        )
        .await;
    }

    /// Waits until JavaScript gives something true. It has `args`, `state` (an object that stays
    /// from one look to the next) and `witness`.
    pub async fn until(&self, what: &str, look: &str, args: Value) -> Value {
        self.wait(what, PATIENCE, look, args).await.json().clone()
    }

    /// As [`Guest::until`], with a patience of its own.
    pub async fn until_within(
        &self,
        what: &str,
        within: Duration,
        look: &str,
        args: Value,
    ) -> Value {
        self.wait(what, within, look, args).await.json().clone()
    }

    async fn wait(&self, what: &str, within: Duration, look: &str, args: Value) -> ScriptRet {
        let script = format!(
            "const [args, patience, done] = arguments;
             const end = performance.now() + patience;
             const state = {{}};
             const look = async () => {{ {look} }};
             (async () => {{
               for (;;) {{
                 const seen = await look();
                 if (seen) return done(seen);
                 if (performance.now() > end) throw new Error('it did not come; ' + JSON.stringify(state)
                   + '; the page says: ' + document.body.innerText);
                 await new Promise((resolve) => setTimeout(resolve, 50));
               }}
             }})().catch((error) => done({{ witnessFailed: String(error) }}));"
        );
        let patience = u64::try_from(within.as_millis()).expect("a short time");
        let arguments = [args, json!(patience)];
        let waited = self.driver().execute_async(script, arguments).await;
        let found =
            waited.unwrap_or_else(|error| panic!("{} waits for {what}: {error}", self.name));
        if let Some(failure) = found.json().get("witnessFailed") {
            panic!("{} waits for {what}: {failure}", self.name);
        }
        found
    }

    /// The way that its media takes: "udp" or "tcp" to the server, or how to a relay, and where.
    pub async fn way(&self) -> Way {
        let look = "return witness.way()";
        let way = self.until("a way for media", look, Value::Null).await;
        let text = |name: &str| way[name].as_str().unwrap_or_default().to_owned();
        Way {
            transport: text("transport"),
            relay: way["relay"].as_str().map(str::to_owned),
            remote: text("remote"),
        }
    }

    /// From pressing *Join* to the first picture of somebody else.
    pub async fn first_picture(&self) -> Duration {
        let look = "const { join, picture } = witness.times; return picture && picture - join";
        let time = self.until("a picture", look, Value::Null).await;
        Duration::from_secs_f64(time.as_f64().expect("a number") / 1_000.)
    }

    /// What the page said and heard since it was loaded.
    pub async fn wire(&self) -> Wire {
        let wire = self.driver().execute("return witness", []).await;
        Wire::from(wire.expect("a page").json())
    }

    /// Lets pages write to the clipboard and read from it. Chromium alone.
    pub async fn allow_clipboard(&self) {
        let permissions =
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        let granted = self
            .driver()
            .cdp()
            .send_raw("Browser.grantPermissions", permissions)
            .await;
        granted.expect("a permission");
    }

    /// What is in the clipboard.
    pub async fn clipboard(&self) -> String {
        let text = self
            .until(
                "a text",
                "return navigator.clipboard.readText()",
                Value::Null,
            )
            .await;
        text.as_str().expect("a text").to_owned()
    }

    /// Presses the tabulator until what has this accessible name has the focus.
    pub async fn tab_to(&self, name: &str) {
        let mut passed = Vec::new();
        while self.focus().await != name {
            passed.push(self.focus().await);
            assert!(
                passed.len() < 40,
                "no way to {name} by keyboard: {passed:?}"
            );
            self.type_keys(Key::Tab).await;
        }
    }

    /// Puts the window away: nothing of the page is seen any more.
    pub async fn minimize(&self) {
        self.driver().minimize_window().await.expect("a window");
    }

    /// Brings the window back.
    pub async fn restore(&self) {
        self.resize(1_280, 800).await;
    }

    /// Makes the window so wide and high, pixels.
    pub async fn resize(&self, width: u32, height: u32) {
        let done = self.driver().set_window_rect(0, 0, width, height).await;
        done.expect("a window");
    }

    /// The device sleeps, as a phone does whose screen is locked: nothing runs any more.
    pub fn sleep(&self) {
        self.browser.signal(Signal::STOP);
    }

    /// The device wakes up.
    pub fn wake(&self) {
        self.browser.signal(Signal::CONT);
    }

    /// A part of the browser gets no time any more. Chromium alone.
    pub fn stop_part(&self, part: Part) {
        self.browser.signal_part(part, Signal::STOP);
    }

    /// It gets time again.
    pub fn continue_part(&self, part: Part) {
        self.browser.signal_part(part, Signal::CONT);
    }

    /// Opens another tab, which hides the page; gives that of the page.
    pub async fn look_away(&self) -> WindowHandle {
        let driver = self.driver();
        let tab = driver.window().await.expect("a tab");
        let other = driver.new_tab().await.expect("another tab");
        driver.switch_to_window(other).await.expect("another tab");
        tab
    }

    /// Closes the tab in front, and looks at the one behind.
    pub async fn look_back(&self, tab: WindowHandle) {
        self.driver().close_window().await.expect("a tab");
        let back = self.driver().switch_to_window(tab).await;
        back.expect("the first tab");
    }

    /// Reloads the page.
    pub async fn reload(&self) {
        self.driver().refresh().await.expect("a page");
    }

    /// Closes the tab as one does without leaving first, and keeps the browser.
    pub async fn close_tab(&self) {
        let driver = self.driver();
        let tab = driver.window().await.expect("a tab");
        // A browser without tabs would end.
        let other = driver.new_tab().await.expect("another tab");
        driver.switch_to_window(tab).await.expect("the first tab");
        driver.close_window().await.expect("a tab");
        driver.switch_to_window(other).await.expect("another tab");
    }

    /// The browser ends as if its power went: no page can say goodbye. Chromium alone.
    pub async fn crash(self) {
        // What crashes does not answer.
        let _ = self
            .driver()
            .cdp()
            .send_raw("Browser.crash", json!({}))
            .await;
        let _ = self.browser.web.clone().quit().await;
    }

    /// A picture of the page (PNG).
    pub async fn screenshot(&self) -> Vec<u8> {
        let picture = self.driver().screenshot_as_png().await;
        picture.expect("a picture")
    }

    /// Ends the browser. Fails where the page had an error, or Chromium's console has one.
    pub async fn depart(self) {
        let mut errors = self.errors_of_page().await;
        if self.brand() == Brand::Chromium {
            let log = self.driver().browser_log().await.expect("a log");
            let severe = log.iter().filter(|entry| entry.level == "SEVERE");
            errors.extend(severe.map(|entry| format!("{entry:?}")));
        }
        self.end(errors).await;
    }

    /// As [`Guest::depart`], where the server was out of reach, of which Chromium's console tells.
    pub async fn depart_after_trouble(self) {
        let errors = self.errors_of_page().await;
        self.end(errors).await;
    }

    async fn errors_of_page(&self) -> Vec<String> {
        // An empty tab, behind one that was closed, has no witness.
        let look = "return typeof witness === 'undefined' ? [] : witness.errors";
        let errors = self.driver().execute(look, []).await;
        let errors = errors.expect("a page").json().to_string();
        if errors == "[]" {
            Vec::new()
        } else {
            vec![errors]
        }
    }

    async fn end(self, errors: Vec<String>) {
        assert!(errors.is_empty(), "{}: {errors:#?}", self.name);
        let quit = self.browser.web.clone().quit().await;
        quit.expect("the browser ends");
    }
}

impl From<&Value> for Seen {
    fn from(seen: &Value) -> Self {
        let corner = seen["corner"].as_array().map(|channels| {
            std::array::from_fn(|i| channels[i].as_f64().unwrap_or_default() as f32)
        });
        Self {
            frames: seen["frames"].as_u64().unwrap_or_default(),
            energy: seen["energy"].as_f64().unwrap_or_default(),
            picture: seen["picture"] == true,
            microphone_off: seen["microphoneOff"] == true,
            corner,
        }
    }
}

/// *Get Computed Label* (W3C WebDriver, 12.4.10).
#[derive(Debug)]
struct ComputedLabel(String);

impl FormatRequestData for ComputedLabel {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let Self(element) = self;
        let uri: Arc<str> = format!("/session/{session}/element/{element}/computedlabel").into();
        RequestData::new(http::Method::GET, uri)
    }
}
