"""Eight kinds of sound made from nothing but NumPy, for a demo that needs no download.

Each kind is a function of `(rng, samples, breed)`: it draws pitch, tempo and timbre from `rng` and
gives mono float64 samples at `RATE_HZ`, of any level. `breed` (0, 1 or 2) picks one of three
sub-kinds (three species of bird, three drum patterns), so that a class has structure within.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

RATE_HZ = 22050
Samples = npt.NDArray[np.float64]
Rng = np.random.Generator


def unit(sound: Samples) -> Samples:
    """Scale to RMS 1; silence stays silence."""
    return sound / max(float(np.sqrt(np.mean(sound**2))), 1e-12)


def noise(rng: Rng, samples: int, *, low_hz: float, high_hz: float, tilt_db: float = 0) -> Samples:
    """Give noise of RMS 1 between two frequencies, falling `tilt_db` per octave, (samples,)."""
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    hz[0] = hz[1]
    gain = (hz / 1000) ** (tilt_db / -6.02) / (1 + (low_hz / hz) ** 6) / (1 + (hz / high_hz) ** 6)
    return unit(np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * gain, samples))


def voice(pitch_hz: Samples, levels: npt.ArrayLike) -> Samples:
    """Give a harmonic tone along a pitch track (n,); `levels` (h,) or (h, n), fundamental first."""
    weights = np.asarray(levels, dtype=np.float64)
    if weights.ndim == 1:
        weights = weights[:, None]
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    sound = np.zeros(len(pitch_hz))
    # sin(k x) = 2 cos(x) sin((k - 1) x) - sin((k - 2) x): many harmonics from one sine and cosine.
    last, sine, turn = np.zeros(len(pitch_hz)), np.sin(phase), 2 * np.cos(phase)
    for order, weight in enumerate(weights, start=1):
        # A harmonic fades out before it would fold back at half the rate.
        sound += weight * sine * np.clip((0.48 * RATE_HZ - order * pitch_hz) / 500, 0, 1)
        last, sine = sine, turn * sine - last
    return sound


def swell(samples: int, attack: float, release: float) -> Samples:
    """Give an envelope 0..1 (samples,); its round edges take the shares `attack` and `release`."""
    course = np.linspace(0, 1, samples)
    edges = np.minimum(np.minimum(course / attack, (1 - course) / release), 1)
    return 0.5 - 0.5 * np.cos(np.pi * edges)


def damped(hz: npt.ArrayLike, decay_s: npt.ArrayLike, seconds: float) -> Samples:
    """Give sines that die away (to 1/e after `decay_s`), summed where `hz` holds several, (n,)."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones, decays = np.atleast_1d(hz)[:, None], np.atleast_1d(decay_s)[:, None]
    return np.asarray(np.sum(np.sin(2 * np.pi * tones * time) * np.exp(-time / decays), axis=0))


def convolve(dry: Samples, response: Samples) -> Samples:
    """Give `dry` heard through `response`, cut to the length of `dry`."""
    size = 1 << (len(dry) + len(response) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(response, size), size)[: len(dry)]


def echo(rng: Rng, dry: Samples, *, decay_s: float, wet: float) -> Samples:
    """Add the tail of a room or a valley, `wet` times as strong as the sound itself."""
    time = np.arange(round(3 * decay_s * RATE_HZ)) / RATE_HZ
    tail = convolve(dry, rng.standard_normal(len(time)) * np.exp(-time / decay_s))
    return dry + unit(tail) * wet * float(np.sqrt(np.mean(dry**2)))


def place(sound: Samples, at_s: float, part: Samples) -> None:
    """Mix `part` into `sound` from second `at_s` on; what passes the end is cut."""
    start = round(at_s * RATE_HZ)
    here = sound[start : start + len(part)]
    here += part[: len(here)]


def finish(sound: Samples, *, peak: float, fade_s: float = 0.02) -> Samples:
    """Fade both ends, take out any constant offset and scale to `peak` (0 to 1)."""
    ramp = np.minimum(np.arange(1, len(sound) + 1) / (fade_s * RATE_HZ), 1)
    window = 0.5 - 0.5 * np.cos(np.pi * ramp * ramp[::-1])
    faded = (sound - np.sum(sound * window) / np.sum(window)) * window
    return faded * (peak / float(np.max(np.abs(faded))))


def whale(rng: Rng, samples: int, breed: int) -> Samples:
    """Give slow gliding moans with vibrato and the echo of open water."""
    sound, at_s, base_hz = np.zeros(samples), rng.uniform(0.05, 0.3), rng.uniform(150, 240)
    base_hz, orders = base_hz * (1.0, 1.5, 2.2)[breed], np.arange(1, 13)
    glides = ((1.0, 1.35, 0.9), (0.75, 1.0, 1.7), (1.4, 1.1, 0.7))[breed]
    while at_s < samples / RATE_HZ - 0.4:
        length = round(rng.uniform(0.6, 1.4) * RATE_HZ)
        course = np.linspace(0, 1, length)
        knots = np.asarray(glides) * rng.uniform(0.85, 1.15, 3)
        bend = knots @ np.stack([(1 - course) ** 2, 2 * course * (1 - course), course**2])
        vibrato = 0.012 * np.sin(2 * np.pi * rng.uniform(4, 7) * course * length / RATE_HZ)
        wavering = 1 + vibrato + 0.03 * noise(rng, length, low_hz=1, high_hz=12)
        levels = np.exp(-np.log(orders)[:, None] * (rng.uniform(1.6, 2.8) + 0.8 * course))
        moan = voice(base_hz * bend * wavering, levels) * swell(length, 0.35, 0.5)
        rasp = 1 + 0.2 * noise(rng, length, low_hz=20, high_hz=90)
        place(sound, at_s, moan * rasp * rng.uniform(0.6, 1))
        at_s += length / RATE_HZ + rng.uniform(0.05, 0.5)
    return echo(rng, sound, decay_s=0.6, wet=0.35)


def bird(rng: Rng, samples: int, breed: int) -> Samples:
    """Give phrases of quick chirps: falling, rising or trilled after the species."""
    sound, at_s = np.zeros(samples), rng.uniform(0.05, 0.4)
    centre_hz, notes = rng.uniform(2600, 4300) * (1.0, 1.25, 0.85)[breed], int(rng.integers(3, 8))
    length = round(rng.uniform(0.05, 0.12) * (1.0, 0.8, 2.6)[breed] * RATE_HZ)
    pause_s, steps = rng.uniform(0.03, 0.09), rng.uniform(0.85, 1.2, notes)
    course = np.linspace(0, 1, length)
    trill = np.sin(2 * np.pi * course * int(rng.integers(3, 7)))
    while at_s < samples / RATE_HZ - 0.3:
        for step in steps:
            sweep = (1.35 - 0.7 * course, 0.75 + 0.5 * course**2, 1 + 0.12 * trill)[breed]
            chirp = voice(centre_hz * step * sweep, (1, 0.07)) * swell(length, 0.2, 0.5)
            place(sound, at_s, chirp * rng.uniform(0.5, 1))
            at_s += length / RATE_HZ + pause_s * rng.uniform(0.9, 1.1)
        at_s += rng.uniform(0.25, 0.7)
    return echo(rng, sound, decay_s=0.12, wet=0.2)


def clicks(rng: Rng, samples: int, breed: int) -> Samples:
    """Give trains of echolocation clicks that hold their rate, quicken or end in a buzz."""
    impulses, at_s = np.zeros(samples), rng.uniform(0.02, 0.2)
    slow_hz, ratio = rng.uniform(4, 9), (1.0, 3.0, 7.0)[breed] * rng.uniform(0.8, 1.25)
    while at_s < samples / RATE_HZ - 0.1:
        length_s = rng.uniform(0.8, 1.8)
        time = np.arange(0, length_s, 1 / RATE_HZ)
        count = np.cumsum(slow_hz * ratio ** (time / length_s)) / RATE_HZ
        train = np.diff(np.floor(count), prepend=0) * swell(len(time), 0.15, 0.1)
        place(impulses, at_s, train * rng.uniform(0.7, 1.2, len(time)))
        at_s += length_s + rng.uniform(0.1, 0.4)
    ring_hz = rng.uniform(4200, 8200)
    click = damped([ring_hz, ring_hz * 0.62, ring_hz * 1.21], rng.uniform(1e-3, 2e-3), 0.01)
    # Differences take away the lows, which would make a quick train hum.
    return echo(rng, convolve(impulses, np.diff(click, 2)), decay_s=0.06, wet=0.2)


def rain(rng: Rng, samples: int, breed: int) -> Samples:
    """Give the gusty hiss and single drops of a drizzle, a shower or a downpour."""
    heaviness, drops_hz = (0.3, 0.6, 1.0)[breed], (60, 120, 200)[breed]
    high_hz, tilt_db = rng.uniform(5000, 9000), rng.uniform(0, 2)
    hiss = noise(rng, samples, low_hz=rng.uniform(300, 900), high_hz=high_hz, tilt_db=tilt_db)
    gusts = 1 + 0.3 * noise(rng, samples, low_hz=0.2, high_hz=1.5)
    sound = heaviness * hiss * np.clip(gusts, 0.4, 2)
    time = np.arange(round(0.012 * RATE_HZ)) / RATE_HZ
    count = int(drops_hz * samples / RATE_HZ)
    ring_hz, decay_s = rng.uniform(900, 7000, (count, 1)), rng.uniform(0.0004, 0.0025, (count, 1))
    drops = np.sin(2 * np.pi * ring_hz * time * (1 + 8 * time)) * np.exp(-time / decay_s)
    starts = rng.integers(0, samples - len(time), (count, 1))
    np.add.at(sound, starts + np.arange(len(time)), drops * rng.lognormal(0.2, 0.7, (count, 1)))
    return sound


def engine(rng: Rng, samples: int, breed: int) -> Samples:
    """Give a motor: a slow diesel, stroke by stroke, a steady run or one that is revved."""
    time = np.arange(samples) / RATE_HZ
    drift = 1 + 0.015 * noise(rng, samples, low_hz=0.3, high_hz=3)
    drift *= 1 + 0.04 * noise(rng, samples, low_hz=8, high_hz=60)
    revs = np.sin(2 * np.pi * rng.uniform(0.35, 0.8) * time + rng.uniform(0, 6))
    pitch_hz = (14, 75, 95)[breed] * rng.uniform(0.75, 1.35) * drift
    pitch_hz *= (1.0, 1.0, 1.6)[breed] ** revs
    orders = np.arange(1, 41)
    body = 1 + 3 * np.exp(-((orders - rng.uniform(3, 10)) ** 2) / 6)
    # Loudspeakers and ears want little below 30 Hz, and a body of metal dulls the highest orders.
    body *= (1 - np.exp(-((orders * pitch_hz.mean() / 40) ** 2))) * np.exp(-orders / 18)
    rumble = voice(pitch_hz, body / orders * rng.uniform(0.4, 1.2, 40))
    stroke = np.sin(np.pi * np.cumsum(pitch_hz) / RATE_HZ) ** 8
    hiss = noise(rng, samples, low_hz=150, high_hz=rng.uniform(1500, 4000), tilt_db=4)
    wobble = 1 + (0.15, 0.2, 0.25)[breed] * noise(rng, samples, low_hz=2, high_hz=25)
    return (rumble + hiss * (0.1 + (1.6, 0.9, 0.9)[breed] * stroke)) * wobble


def bell(rng: Rng, samples: int, breed: int) -> Samples:
    """Give a few strikes of one bell: a church bell, a handbell or a small glassy one."""
    partials = (
        (0.5, 1.0, 1.19, 1.5, 2.0, 2.52, 3.0, 4.1, 5.4, 6.8, 8.2),
        (1.0, 1.51, 2.76, 4.07, 5.4, 7.1, 8.93),
        (1.0, 1.58, 2.24, 2.92, 3.83, 4.6, 5.5),
    )[breed]
    strike_hz = (360.0, 640.0, 980.0)[breed] * rng.uniform(0.9, 1.12)
    hz = np.asarray(partials) * strike_hz * rng.uniform(0.997, 1.003, len(partials))
    # A pair of slightly detuned modes for every partial makes the slow beating of real bells.
    hz = np.concatenate([hz, hz * rng.uniform(1.0005, 1.003, len(partials))])
    decay_s = rng.uniform(0.6, 1.1) * (strike_hz / hz) ** 0.6
    strike = damped(hz, decay_s, samples / RATE_HZ)
    clapper = noise(rng, samples, low_hz=800, high_hz=9000)
    strike += 3 * clapper * np.exp(-np.arange(samples) / RATE_HZ / 0.008)
    sound, at_s = np.zeros(samples), rng.uniform(0.05, 0.3)
    while at_s < samples / RATE_HZ - 0.3:
        place(sound, at_s, strike * rng.uniform(0.6, 1))
        at_s += rng.uniform(0.6, 1.3)
    return echo(rng, sound, decay_s=0.35, wet=0.4)


def siren(rng: Rng, samples: int, breed: int) -> Samples:
    """Give a two-tone horn, a slow wail or a quick yelp."""
    time = np.arange(samples) / RATE_HZ + rng.uniform(0, 2)
    low_hz = rng.uniform(430, 700)
    if breed == 0:
        upper = np.sin(2 * np.pi * rng.uniform(0.8, 1.3) * time) > 0
        turn = convolve(upper.astype(np.float64), np.full(400, 1 / 400))
        pitch_hz, levels = low_hz * (1 + 0.335 * turn), np.arange(1, 11) ** -0.9
    else:
        rate = rng.uniform(0.3, 0.55) if breed == 1 else rng.uniform(2.5, 4.5)
        swing = 0.5 - 0.5 * np.cos(2 * np.pi * rate * time)
        pitch_hz = low_hz * rng.uniform(1.9, 2.6) ** swing
        levels = np.arange(1, 11) ** -1.2 * np.tile([1, 0.35], 5)
    passing = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.08, 0.2) * time)
    return echo(rng, voice(pitch_hz, levels) * passing, decay_s=0.2, wet=0.25)


def drum(rng: Rng, samples: int, breed: int) -> Samples:
    """Give a kit (kick, snare, hi-hat) playing one of three patterns of sixteen steps."""
    patterns = (
        ("k...k...k...k...", "....s.......s...", "..h...h...h...h."),
        ("k..k..k...k.....", "....s..s.s..s...", "h.h.h.h.h.h.h.h."),
        ("k.....k...k..k..", "....s.......s.ss", "hhhhhhhhhhhhhhhh"),
    )
    pitch = rng.uniform(0.8, 1.3)
    time = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
    fall = 46 * pitch * (1 + 3.5 * np.exp(-time / 0.025))
    hiss = noise(rng, len(time), low_hz=900, high_hz=8000) * np.exp(-time / 0.06)
    metal = noise(rng, len(time), low_hz=6500, high_hz=11000)
    kit = {
        "k": voice(fall, (1, 0.25)) * np.exp(-time / 0.1),
        "s": 0.35 * hiss + 0.5 * damped([185 * pitch, 330 * pitch], 0.05, 0.3),
        "h": rng.uniform(0.08, 0.2) * metal * np.exp(-time / rng.uniform(0.015, 0.05)),
    }
    sound, step_s, lead_s = np.zeros(samples), 15 / rng.uniform(84, 132), rng.uniform(0.02, 0.2)
    for step in range(int((samples / RATE_HZ - lead_s) / step_s)):
        for line in patterns[breed]:
            hit = line[step % 16]
            if hit in kit:
                place(sound, lead_s + step * step_s, kit[hit] * rng.uniform(0.7, 1))
    return echo(rng, sound, decay_s=0.08, wet=0.1)


KINDS: Mapping[str, Callable[[Rng, int, int], Samples]] = MappingProxyType(
    {f.__name__: f for f in (whale, bird, clicks, rain, engine, bell, siren, drum)}
)
BREEDS = 3
