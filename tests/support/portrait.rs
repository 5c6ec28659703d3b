//! Pictures for fake cameras: a person in front of a wall whose colour tells who it is.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Pixels of the film. Small, because five browsers on a small machine code and decode it; of less
/// than 640 the page sends one encoding. Three are sent of the browsers' own test pictures.
const WIDTH: usize = 316;
const HEIGHT: usize = 178;
/// Pixels of the drawing for each of the film, in each direction.
const SCALE: f32 = 2.;
/// Frames of the film, which is played in a loop; at 12 frames a second, two seconds.
const FRAMES: usize = 24;
const RATE: usize = 12;

type Rgb = [f32; 3];
/// The distance to the edge in pixels, seen from the middle of the picture; negative inside.
type Shape = Box<dyn Fn(f32, f32) -> f32>;

/// A person. Everybody has a different wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Portrait {
    /// The name.
    pub name: &'static str,
    wall: Rgb,
    skin: Rgb,
    hair: Rgb,
    shirt: Rgb,
    /// How far the hair comes down beside the face, in pixels below its middle.
    hair_length: f32,
}

impl Portrait {
    /// Five people who can be told apart.
    pub const ALL: [Portrait; 5] = [
        Self::new(
            "Mika",
            [44., 106., 120.],
            [240., 198., 165.],
            [38., 28., 30.],
            [244., 232., 208.],
            84.,
        ),
        Self::new(
            "Ren",
            [196., 106., 70.],
            [198., 142., 104.],
            [52., 34., 24.],
            [38., 58., 92.],
            -30.,
        ),
        Self::new(
            "Ada",
            [98., 82., 148.],
            [250., 214., 186.],
            [172., 84., 40.],
            [80., 140., 112.],
            40.,
        ),
        Self::new(
            "Kofi",
            [196., 160., 62.],
            [112., 70., 48.],
            [24., 18., 18.],
            [170., 52., 58.],
            -50.,
        ),
        Self::new(
            "Noor",
            [76., 132., 76.],
            [214., 164., 124.],
            [60., 40., 64.],
            [226., 206., 120.],
            110.,
        ),
    ];

    const fn new(
        name: &'static str,
        wall: Rgb,
        skin: Rgb,
        hair: Rgb,
        shirt: Rgb,
        hair_length: f32,
    ) -> Self {
        Self {
            name,
            wall,
            skin,
            hair,
            shirt,
            hair_length,
        }
    }

    /// Whether a colour that was seen in the corner of a picture is this one's wall, and not
    /// rather somebody else's.
    pub fn is_behind(&self, corner: [f32; 3]) -> bool {
        let far = |portrait: &Portrait| distance(portrait.wall_at(0, 0), corner);
        Self::ALL.iter().all(|other| far(self) <= far(other)) && far(self) < 40.
    }

    /// Writes the film (YUV4MPEG2) into a folder.
    pub(crate) fn film(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.y4m", self.name));
        let written = File::create(&path).and_then(|file| self.write(BufWriter::new(file)));
        written.unwrap_or_else(|error| panic!("no film: {error}"));
        path
    }

    fn write(&self, mut to: impl Write) -> io::Result<()> {
        writeln!(
            to,
            "YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg"
        )?;
        let figure = self.figure();
        for frame in 0..FRAMES {
            let turn = frame as f32 / FRAMES as f32 * std::f32::consts::TAU;
            let (dx, dy) = ((turn.sin() * 3.).round(), ((2. * turn).cos() * 2.).round());
            let shifted = self.compose(&figure, dx as isize, dy as isize);
            to.write_all(b"FRAME\n")?;
            to.write_all(&planes(&shifted))?;
        }
        to.flush()
    }

    /// Lighter towards the top, as under a lamp.
    fn wall_at(&self, x: usize, y: usize) -> Rgb {
        let light = 1.12 - 0.3 * y as f32 / HEIGHT as f32 - 0.1 * x as f32 / WIDTH as f32;
        self.wall.map(|channel| (channel * light).min(255.))
    }

    fn compose(&self, figure: &[(Rgb, f32)], dx: isize, dy: isize) -> Vec<Rgb> {
        let mut picture = Vec::with_capacity(WIDTH * HEIGHT);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                // Beyond its edge the figure goes on as it is there: shoulders leave the picture.
                let from_x = x.saturating_add_signed(-dx).min(WIDTH - 1);
                let from_y = y.saturating_add_signed(-dy).min(HEIGHT - 1);
                let (colour, cover) = figure[from_y * WIDTH + from_x];
                picture.push(mix(self.wall_at(x, y), colour, cover));
            }
        }
        picture
    }

    /// Colour and cover of each pixel of the person.
    fn figure(&self) -> Vec<(Rgb, f32)> {
        let shade = self.skin.map(|channel| channel * 0.86);
        let blush = [self.skin[0], self.skin[1] * 0.84, self.skin[2] * 0.8];
        let dark = [44., 32., 34.];
        let shapes: [(Rgb, Shape); 13] = [
            (self.hair, Box::new(ellipse(0., -26., 82., 88.))),
            (
                self.hair,
                Box::new(block(
                    0.,
                    -30. + self.hair_length / 2.,
                    82.,
                    (self.hair_length + 60.) / 2.,
                    30.,
                )),
            ),
            (self.shirt, Box::new(ellipse(0., 214., 168., 108.))),
            (shade, Box::new(block(0., 84., 26., 44., 20.))),
            (self.skin, Box::new(ellipse(0., 0., 66., 82.))),
            (self.hair, Box::new(ellipse(-26., -66., 62., 34.))),
            (self.hair, Box::new(ellipse(34., -68., 50., 32.))),
            (dark, Box::new(ellipse(-25., 2., 7., 9.))),
            (dark, Box::new(ellipse(25., 2., 7., 9.))),
            (blush, Box::new(ellipse(-38., 28., 13., 8.))),
            (blush, Box::new(ellipse(38., 28., 13., 8.))),
            (shade, Box::new(ellipse(0., 20., 6., 9.))),
            (dark, Box::new(smile)),
        ];
        let mut figure = Vec::with_capacity(WIDTH * HEIGHT);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let (u, v) = (
                    SCALE * (x as f32 - WIDTH as f32 / 2.),
                    SCALE * (y as f32 - HEIGHT as f32 * 0.47),
                );
                let mut pixel = ([0.; 3], 0.);
                for (colour, shape) in &shapes {
                    let cover = (0.5 - shape(u, v) / SCALE).clamp(0., 1.);
                    if cover > 0. {
                        let under = if pixel.1 > 0. { pixel.0 } else { *colour };
                        pixel = (mix(under, *colour, cover), cover.max(pixel.1));
                    }
                }
                figure.push(pixel);
            }
        }
        figure
    }
}

/// The distance to the edge of an ellipse in pixels, nearly; negative inside.
fn ellipse(cx: f32, cy: f32, rx: f32, ry: f32) -> impl Fn(f32, f32) -> f32 {
    move |x, y| {
        let (x, y) = ((x - cx) / rx, (y - cy) / ry);
        (x.hypot(y) - 1.) * rx.min(ry)
    }
}

/// The distance to the edge of a rectangle with round corners; half its sides are `rx` and `ry`.
fn block(cx: f32, cy: f32, rx: f32, ry: f32, corner: f32) -> impl Fn(f32, f32) -> f32 {
    move |x, y| {
        let dx = ((x - cx).abs() - rx + corner).max(0.);
        let dy = ((y - cy).abs() - ry + corner).max(0.);
        dx.hypot(dy) - corner
    }
}

/// The lower arc of a ring.
fn smile(x: f32, y: f32) -> f32 {
    let ring = ((x.hypot(y - 26.) - 22.).abs() - 2.5).max(34. - y);
    ring.max(x.abs() - 18.)
}

fn mix(under: Rgb, over: Rgb, cover: f32) -> Rgb {
    std::array::from_fn(|i| under[i] + (over[i] - under[i]) * cover)
}

fn distance(a: Rgb, b: Rgb) -> f32 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f32>().sqrt()
}

/// Y, then U and V of each two by two pixels (ITU-R BT.601, limited range).
fn planes(picture: &[Rgb]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(WIDTH * HEIGHT * 3 / 2);
    for [r, g, b] in picture {
        bytes.push((16. + 0.257 * r + 0.504 * g + 0.098 * b).round() as u8);
    }
    for [r_part, g_part, b_part] in [[-0.148, -0.291, 0.439], [0.439, -0.368, -0.071]] {
        for y in (0..HEIGHT).step_by(2) {
            for x in (0..WIDTH).step_by(2) {
                let [r, g, b] = picture[y * WIDTH + x];
                let chroma = 128. + r_part * r + g_part * g + b_part * b;
                bytes.push(chroma.round() as u8);
            }
        }
    }
    bytes
}
