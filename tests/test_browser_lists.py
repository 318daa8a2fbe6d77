"""The lists around the map on a bare page: colours, legend, search, table and selection bar."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ASSETS = Path(__file__).parents[1] / "assets"
ORIGIN = "http://127.0.0.1:9"
"""Nothing listens there: the page's own files are all that is answered."""
THEMES = {
    "light": {
        "text-color": "#16202B",
        "primary-color": "#0E7C86",
        "background-color": "#FBFCFD",
        "secondary-background-color": "#FFFFFF",
        "border-color": "#DDE3EA",
        "gray-color": "#5B6B7C",
    },
    "dark": {
        "text-color": "#E8EEF5",
        "primary-color": "#35C2C9",
        "background-color": "#0C131C",
        "secondary-background-color": "#131C28",
        "border-color": "#263241",
        "gray-color": "#93A4B7",
    },
}
BODY = """<!doctype html><html lang="en"><meta charset="utf-8"><title>lists</title>
<link rel="stylesheet" href="/lists.css">
<style>
  html { font-size: 15px; }
  body { margin: 20px; background: var(--st-background-color); }
  #map { width: 720px; display: grid; gap: 12px; }
  %s
</style>
<div id="map"></div>
<script type="module">
  import * as colours from "/colours.js";
  import * as search from "/search.js";
  import { Legend } from "/legend.js";
  import { Selection } from "/selection.js";
  import { Table } from "/table.js";
  import { MapState } from "/state.js";
  import { Names, Numbers } from "/packs.js";

  const named = (values) => {
    const names = [...new Set(values)].sort();
    const codes = Uint16Array.from(values, (value) => names.indexOf(value));
    return new Names({ names, count: values.length }, codes);
  };
  // JSON has no NaN.
  const numbered = (values, unit) =>
    new Numbers({ unit, count: values.length }, Float32Array.from(values, (value) => value ?? NaN));
  const column = (values, unit) =>
    typeof values[0] === "string" ? named(values) : numbered(values, unit);

  class FakeSource {
    constructor(given) {
      this.asked = [];
      this.loaded = {};
      for (const [name, values] of Object.entries(given)) {
        this.loaded[name] = column(values, name.endsWith("_s") ? "s" : undefined);
      }
      this.columns = Object.entries(this.loaded).map(
        ([name, { kind }]) => ({ name, title: name, kind }));
    }
    has() { return true; }
    async column(name) { this.asked.push(name); return this.loaded[name]; }
    async similar(row, how) {
      if (how.k > 1000) throw new Error("At most 1000 rows can be asked for.");
      this.how = [row, how];
      return [row, row + 1, row + 2];
    }
  }

  const palette = Array.from({ length: 20 }, (_, i) => `hsl(${i * 18} 60%% 45%%)`);
  const lists = { ...colours, ...search, Names, column, palette };
  lists.show = (given, name, options = {}) => {
    const place = document.querySelector("#map");
    const source = new FakeSource(given);
    const state = new MapState(Object.values(given)[0].length);
    const searching = new search.Search(place, state, source);
    const legend = new Legend(place, state);
    const selection = new Selection(place, state, source);
    const table = new Table(place, state, source);
    Object.assign(lists, { state, source, legend, selection, table, searching });
    const draw = (shown) => {
      const one = source.loaded[name];
      const look = one.kind === "names"
        ? colours.categories(one, { shown, palette, other: "#9AA5B1" })
        : colours.numbers(one, { scale: colours.VIRIDIS });
      const sized = options.size && source.loaded[options.size];
      const sizes = sized
        ? { title: options.size, steps: colours.sizeSteps(sized, state.count) } : null;
      legend.show({ ...look, title: name, column: one, sizes });
    };
    legend.onShown = draw;
    draw(null);
  };
  window.lists = lists;
</script>
"""


@pytest.fixture(scope="module")
def modules(chromium):
    """A page that has the modules, as `window.lists`, for tests that only ask them."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    yield opened(context.new_page())
    context.close()


@pytest.fixture
def lists(modules, console_errors):
    """The same page, loaded anew and still empty; whatever fails on it unseen fails the test."""
    listeners = {
        "console": lambda message: note(message, console_errors),
        "pageerror": lambda error: console_errors.append(str(error)),
    }
    modules.goto(ORIGIN)
    modules.wait_for_function("window.lists")
    for event, listener in listeners.items():
        modules.on(event, listener)
    yield modules
    for event, listener in listeners.items():
        modules.remove_listener(event, listener)
    assert console_errors == []


def note(message, errors):
    if message.type == "error":
        errors.append(message.text)


def opened(page):
    styles = "".join(
        f"@media (prefers-color-scheme: {name}) {{ :root {{"
        + "".join(f"--st-{key}: {value};" for key, value in theme.items())
        + "--st-base-radius: 6px; --st-font: system-ui, sans-serif; } }"
        for name, theme in THEMES.items()
    )

    def answer(route):
        name = route.request.url.removeprefix(ORIGIN).lstrip("/")
        if not name:
            return route.fulfill(body=BODY % styles, content_type="text/html")
        file = ASSETS / name
        return route.fulfill(path=file) if file.is_file() else route.fulfill(status=204)

    page.route(f"{ORIGIN}/**", answer)
    page.goto(ORIGIN)
    page.wait_for_function("window.lists")
    return page


def sounds(count=240):
    """Columns of a set of `count` windows, as lists."""
    labels = ["rain", "dog", "sea waves", "crying baby", "helicopter"]
    return {
        "label": [labels[row % 5] for row in range(count)],
        "recording": [f"{row // 8:03d}-night.ogg" for row in range(count)],
        "start_s": [round(0.48 * (row % 8), 2) for row in range(count)],
        "rms": [None if row % 10 == 9 else row / count for row in range(count)],
    }


def show(page, columns, name, **options):
    page.evaluate(
        "([given, name, options]) => lists.show(given, name, options)",
        [columns, name, options],
    )


def selected(page):
    return page.evaluate("lists.state.selectedRows()")


def visible(page):
    return page.evaluate("[...lists.state.hidden.keys()].filter((row) => !lists.state.hidden[row])")


def many(classes):
    """Names of which the later ones are rarer: `classes` rows of the first, one of the last."""
    return [f"kind {i:02d}" for i in range(classes) for _ in range(classes - i)]


def grouped(page, values, shown=None):
    found = page.evaluate(
        """([values, shown]) => {
          const { groups, ...found } = lists.categories(
            lists.column(values), { shown, palette: lists.palette, other: "grey" });
          return { ...found, groups: [...groups] };
        }""",
        [values, shown],
    )
    # Whatever is said of a group must be true of its rows.
    assert [found["groups"].count(i) for i in range(len(found["names"]))] == found["counts"]
    assert len(found["colours"]) == len(found["symbols"]) == len(found["names"])
    return found


def test_three_classes_are_coloured_in_alphabetical_order(modules):
    found = grouped(modules, ["rain", "dog", "rain", "frog"])
    assert found["names"] == ["dog", "frog", "rain"]
    assert found["groups"] == [2, 0, 2, 1]
    assert found["symbols"] == [0, 0, 0]
    assert found["other"] is None


def test_twenty_classes_all_keep_a_colour_and_differ_in_symbol_beyond_eight(modules):
    found = grouped(modules, many(20))
    assert len(set(found["colours"])) == 20
    assert found["symbols"] == [0] * 8 + [1] * 8 + [2] * 4
    assert found["other"] is None


def test_of_sixty_classes_the_rare_ones_are_lumped_and_counted(modules):
    values = many(60)
    found = grouped(modules, values)
    assert found["names"] == [f"kind {i:02d}" for i in range(19)] + ["41 others"]
    assert found["other"] == 19
    assert found["colours"][19] == "grey"
    assert sum(found["counts"]) == len(values)
    assert len(found["all"]) == 60


def test_the_person_chooses_which_classes_keep_a_colour(modules):
    found = grouped(modules, many(60), shown=["kind 59", "kind 07", "no such kind"])
    assert found["names"] == ["kind 07", "kind 59", "58 others"]
    assert found["counts"][:2] == [53, 1]
    assert (
        len(grouped(modules, many(60), shown=[f"kind {i}" for i in range(10, 60)])["names"]) == 20
    )


def test_a_column_of_some_rows_names_only_what_is_there(modules):
    found = modules.evaluate(
        """() => {
          const some = lists.column(["a", "b", "c", "b"]).of([1, 3]);
          return lists.categories(some, { palette: lists.palette, other: "grey" });
        }"""
    )
    assert found["names"] == ["b"]
    assert found["counts"] == [2]


def scaled(page, values):
    return page.evaluate(
        """(values) => {
          const { groups, ...found } = lists.numbers(
            lists.column(values), { scale: lists.VIRIDIS });
          return { ...found, groups: [...groups] };
        }""",
        values,
    )


def test_numbers_find_their_place_in_the_scale_and_missing_ones_have_none(modules):
    found = scaled(modules, [0, 5, None, 10])
    assert found["groups"] == [0, 127, 255, 254]
    assert (found["low"], found["high"], found["missing"]) == (0, 10, 1)
    assert found["ticks"] == [0, 2, 4, 6, 8, 10]
    assert len(found["colours"]) == 256
    # Viridis begins and ends with these, and 85/255 of the way through is this.
    assert found["colours"][0].upper() == "#440154"
    assert found["colours"][254].upper() == "#FDE725"
    assert scaled(modules, [0, 1, 3])["colours"][85].upper() == "#31688E"


def test_numbers_that_are_all_alike_or_all_missing_are_no_trouble(modules):
    alike = scaled(modules, [4, 4])
    assert (alike["groups"], alike["ticks"]) == ([127, 127], [4])
    nothing = scaled(modules, [None, None])
    assert (nothing["groups"], nothing["ticks"], nothing["low"]) == ([255, 255], [], None)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.13, 0.87, [0.2, 0.4, 0.6, 0.8]),
        (-3, 3, [-2, 0, 2]),
        (0, 3600, [0, 1000, 2000, 3000]),
        (1e-7, 5e-7, [1e-7, 2e-7, 3e-7, 4e-7, 5e-7]),
    ],
)
def test_ticks_are_round_numbers(modules, low, high, ticks):
    assert modules.evaluate("([low, high]) => lists.ticks(low, high)", [low, high]) == ticks


def sized(page, values, count):
    return page.evaluate(
        """([values, count]) => {
          const column = values && lists.column(values);
          return [...lists.sizes(column, count)];
        }""",
        [values, count],
    )


def test_points_are_smaller_the_more_there_are(modules):
    assert {size for size in sized(modules, None, 2_000)} == {16}
    assert {size for size in sized(modules, None, 20_000)} == {10}
    assert {size for size in sized(modules, None, 20_001)} == {6}


def test_the_area_of_a_point_follows_the_number(modules):
    least, middle, most, missing = sized(modules, [0, 5, 10, None], 4)
    assert (least, most, missing) == (8, 32, 8)
    assert middle**2 == pytest.approx((least**2 + most**2) / 2, rel=0.03)
    assert sized(modules, [3, 3], 2) == [sized(modules, [0, 5, 10], 3)[1]] * 2


def test_the_size_of_a_name_is_its_place_in_the_alphabet(modules):
    assert sized(modules, ["b", "a", "c"], 3) == [
        sized(modules, [0, 5, 10], 3)[i] for i in (1, 0, 2)
    ]


def test_three_sizes_are_explained_with_their_values(modules):
    steps = modules.evaluate("lists.sizeSteps(lists.column([0, 4, 10, null]), 4)")
    assert [step["text"] for step in steps] == ["0", "5", "10"]
    assert [step["size"] for step in steps] == sized(modules, [0, 5, 10], 3)
    assert modules.evaluate("lists.sizeSteps(lists.column([null, null]), 2)") == []
    assert len(modules.evaluate("lists.sizeSteps(lists.column(['a', 'b']), 2)")) == 2


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("rain wind", [(False, None, "rain"), (False, None, "wind")]),
        ('"sea waves"', [(False, None, "sea waves")]),
        ("-rain", [(True, None, "rain")]),
        ("label:rain", [(False, "label", "rain")]),
        ('label: "sea waves" dog', [(False, "label", "sea waves"), (False, None, "dog")]),
        ('-"my label":rain', [(True, "my label", "rain")]),
        ("start_s:-2..5", [(False, "start_s", "-2..5")]),
        ("1-17.ogg", [(False, None, "1-17.ogg")]),
        # While it is being typed.
        ('label: "sea', [(False, "label", "sea")]),
        ("-", []),
        ("label:", []),
    ],
)
def test_what_is_typed_is_understood(modules, text, terms):
    found = modules.evaluate("(text) => lists.parsed(text)", text)
    assert [(term["not"], term["column"], term["text"]) for term in found] == terms


SEARCHED = {
    "label": ["rain", "Sea Waves", "dog", "rainforest", "dog"],
    "recording": ["a.wav", "rain 1.wav", "b.wav", "c:d.wav", "Åre.wav"],
    "start_s": [0.1, 1.44, 2, 5, None],
}


def matching(page, text, columns):
    return page.evaluate(
        """([given, text]) => {
          const columns = Object.entries(given).map(([name, values]) => {
            const column = lists.column(values);
            return { name, kind: column.kind, column };
          });
          try {
            return [...lists.matching(lists.parsed(text), columns)];
          } catch (error) {
            return error.message;
          }
        }""",
        [columns, text],
    )


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("rain", [0, 1, 3]),
        ("RAIN", [0, 1, 3]),
        ("label:rain", [0, 3]),
        ("label:=rain", [0]),
        ('label:"sea waves"', [1]),
        ("rain wav", [0, 1, 3]),
        ("-rain", [2, 4]),
        ("rain -label:rain", [1]),
        ('"c:d"', [3]),
        ("åre", [4]),
        ("Label:dog", [2, 4]),
        # 0.1 and 1.44 are no numbers of 32 bits.
        ("start_s:0.1", [0]),
        ("start_s:1.44..2", [1, 2]),
        ("start_s:2..1.44", [1, 2]),
        ("start_s:2..", [2, 3]),
        ("start_s:..2", [0, 1, 2]),
        ("start_s:>1.44", [2, 3]),
        ("start_s:>=1.44", [1, 2, 3]),
        ("start_s:<2", [0, 1]),
        ("start_s:<=2", [0, 1, 2]),
        # A missing number lies in no range, so it lies outside of every one.
        ("-start_s:0..10", [4]),
        ("start_s:>1 dog", [2]),
        ("nothing like it", []),
        ("", []),
    ],
)
def test_terms_find_their_rows(modules, text, rows):
    assert matching(modules, text, SEARCHED) == rows


def test_what_cannot_be_searched_is_said_in_a_sentence(modules):
    assert matching(modules, "colour:red", SEARCHED) == (
        'There is no column "colour", only label, recording, start_s; '
        "put quotes around text with a colon."
    )
    assert matching(modules, "start_s:late", SEARCHED) == (
        "start_s holds numbers: write start_s:2..5 or start_s:>3."
    )


def test_a_hundred_thousand_rows_are_searched_between_two_letters(modules):
    """Six columns of text, one of them with a name of its own for every row."""
    took_ms = modules.evaluate(
        """() => {
          const count = 100_000;
          const column = (distinct) => new lists.Names({
            names: Array.from({ length: distinct }, (_, i) => `name ${i} of a recording.wav`),
          }, Uint32Array.from({ length: count }, (_, row) => row % distinct));
          const columns = [12, 521, 4_000, 4_000, 25_000, 100_000].map(
            (distinct) => ({ name: `of ${distinct}`, kind: "names", column: column(distinct) }));
          const searched = (text) => {
            const start = performance.now();
            const rows = lists.matching(lists.parsed(text), columns);
            if (!rows.length) throw new Error(`nothing found for ${text}`);
            return performance.now() - start;
          };
          // The first letter spells every name in small letters, once. The best of ten tries,
          // because other tests run beside this one.
          searched("n");
          return ["na", "name 1", "name -12", "reco wav"].map((text) =>
            Math.min(...Array.from({ length: 10 }, () => searched(text))));
        }"""
    )
    assert max(took_ms) < 50


def test_the_search_counts_while_typing_and_selects_on_enter(lists):
    show(lists, sounds(), "label")
    found = lists.locator(".lm-found")
    field = lists.get_by_role("searchbox", name="Search")
    field.click()
    assert "start_s:2..5" in found.inner_text()
    assert lists.evaluate("lists.source.asked") == []
    field.fill("label:do")
    field.press_sequentially("g")
    lists.wait_for_function("document.querySelector('.lm-found').textContent === '48 match'")
    assert found.get_attribute("aria-live") == "polite"
    assert lists.evaluate("[...new Set(lists.source.asked)]") == ["label"]
    assert selected(lists) == []
    field.press("Enter")
    assert selected(lists) == list(range(1, 240, 5))
    field.fill("rain")
    field.press("Shift+Enter")
    lists.wait_for_function("lists.state.selectedCount === 96")
    field.fill("dog")
    field.press("Alt+Enter")
    lists.wait_for_function("lists.state.selectedCount === 48")
    assert selected(lists) == list(range(0, 240, 5))
    field.press("Escape")
    assert field.input_value() == ""


def test_a_search_that_finds_nothing_keeps_the_selection(lists):
    show(lists, sounds(), "label")
    lists.evaluate("lists.state.select([1, 2])")
    field = lists.get_by_role("searchbox", name="Search")
    field.fill("whale")
    field.press("Enter")
    lists.get_by_text("Nothing matches").wait_for()
    field.fill("colour:red")
    lists.get_by_text("There is no column").wait_for()
    field.press("Enter")
    assert selected(lists) == [1, 2]


def test_a_search_leaves_hidden_rows_alone_and_says_so(lists):
    show(lists, sounds(), "label")
    lists.evaluate("lists.state.hide(Array.from({ length: 100 }, (_, row) => row))")
    field = lists.get_by_role("searchbox", name="Search")
    field.fill("dog")
    lists.get_by_text("28 match, 20 more among what is hidden").wait_for()
    field.press("Enter")
    assert selected(lists) == list(range(101, 240, 5))


def entry(page, words):
    return page.locator(".lm-colours").get_by_role("button", name=words)


def test_a_click_in_the_legend_shows_a_class_alone_and_the_next_one_all(lists):
    show(lists, sounds(), "label")
    rain = entry(lists, "rain, 48 rows")
    rain.click()
    assert visible(lists) == list(range(0, 240, 5))
    assert rain.get_attribute("aria-pressed") == "true"
    rain.click()
    assert lists.evaluate("lists.state.hiddenCount") == 0
    assert rain.get_attribute("aria-pressed") == "false"


def test_the_legend_hides_a_class_and_brings_it_back(lists):
    show(lists, sounds(), "label")
    entry(lists, "Hide dog").click()
    assert visible(lists) == [row for row in range(240) if row % 5 != 1]
    entry(lists, "Show dog").click()
    assert lists.evaluate("lists.state.hiddenCount") == 0
    entry(lists, "rain, 48 rows").click(modifiers=["Alt"])
    assert visible(lists) == [row for row in range(240) if row % 5 != 0]
    # Beside one that is shown alone, another can be shown.
    entry(lists, "dog, 48 rows").click()
    entry(lists, "Show rain").click()
    assert visible(lists) == [row for row in range(240) if row % 5 in (0, 1)]


def test_the_legend_selects_a_class_by_keyboard_too(lists):
    show(lists, sounds(), "label")
    entry(lists, "rain, 48 rows").click(modifiers=["Shift"])
    assert selected(lists) == list(range(0, 240, 5))
    # One stop for the Tab key, arrows from there; the map must not see them.
    lists.evaluate(
        "document.querySelector('#map').addEventListener('keydown', (e) => (window.seen = e.key))"
    )
    entry(lists, "crying baby, 48 rows").focus()
    lists.keyboard.press("ArrowDown")
    lists.keyboard.press("Shift+Enter")
    assert selected(lists) == [row for row in range(240) if row % 5 in (0, 1)]
    assert lists.evaluate("window.seen") != "ArrowDown"
    lists.keyboard.press("Shift+Enter")
    assert selected(lists) == list(range(0, 240, 5))
    assert lists.locator(".lm-groups button[tabindex='0']").count() == 1


def test_names_from_outside_are_never_html(lists):
    show(lists, {"label": ["<img src=x onerror=alert(1)>", "b"]}, "label")
    assert lists.locator(".lm-groups img").count() == 0
    assert "<img" in lists.locator(".lm-groups").inner_text()


def test_the_person_says_which_of_sixty_names_are_shown(lists):
    show(lists, {"kind": many(60)}, "kind")
    assert entry(lists, "41 others, 861 rows").is_visible()
    lists.get_by_role("button", name="19 of 60 shown").press("Enter")
    dialog = lists.get_by_role("dialog", name="Which of 60 keep a colour (kind)")
    dialog.get_by_text("19 of at most 19 chosen; uncheck one to choose another").wait_for()
    dialog.get_by_role("searchbox").fill("kind 4")
    assert dialog.get_by_role("checkbox").count() == 10
    assert dialog.get_by_role("checkbox", name="kind 42").is_disabled()
    dialog.get_by_role("button", name="None").click()
    assert dialog.get_by_role("button", name="Show these").is_disabled()
    dialog.get_by_role("checkbox", name="kind 42").press("Space")
    dialog.get_by_role("searchbox").fill("kind 57")
    dialog.get_by_role("checkbox", name="kind 57").check()
    dialog.get_by_role("button", name="Show these").press("Enter")
    entry(lists, "58 others, 1,809 rows").wait_for()
    assert dialog.is_hidden()
    assert [name.strip() for name in lists.locator(".lm-groups .lm-name").all_inner_texts()] == [
        "kind 42",
        "kind 57",
        "58 others",
    ]
    # Where the person was before.
    assert lists.evaluate("document.activeElement.textContent") == "2 of 60 shown…"


def test_the_choice_of_names_can_be_called_off(lists):
    show(lists, {"kind": many(60)}, "kind")
    lists.get_by_role("button", name="19 of 60 shown").click()
    lists.get_by_role("button", name="None").click()
    lists.keyboard.press("Escape")
    lists.get_by_role("dialog").wait_for(state="hidden")
    assert lists.locator(".lm-groups .lm-name").count() == 20


def test_a_range_of_numbers_is_selected_by_dragging_or_typing(lists):
    show(lists, sounds(), "start_s")
    box = lists.locator(".lm-scale-bar").bounding_box()
    middle = box["y"] + box["height"] / 2
    lists.mouse.move(box["x"] + box["width"] * 0.4, middle)
    lists.mouse.down()
    lists.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=3)
    lists.mouse.up()
    # 0.4 to 0.9 of 3.36 s.
    assert {row % 8 for row in selected(lists)} == {3, 4, 5, 6}
    assert len(selected(lists)) == 120
    lists.get_by_role("spinbutton", name="From").fill("0.48")
    lists.get_by_role("spinbutton", name="To").fill("1.44")
    lists.get_by_role("spinbutton", name="To").press("Enter")
    assert {row % 8 for row in selected(lists)} == {1, 2, 3}
    # A selection from elsewhere is no range.
    lists.evaluate("lists.state.select([7])")
    assert lists.locator(".lm-scale-range").is_hidden()
    assert lists.get_by_role("spinbutton", name="From").input_value() == ""


def test_the_legend_of_numbers_says_what_they_are(lists):
    show(lists, sounds(), "start_s")
    assert lists.locator(".lm-colours-title").first.inner_text() == "start_s in s"
    bar = lists.get_by_role("img", name="Colours of start_s, from 0 to 3.36 s")
    assert bar.is_visible()
    lists.evaluate("lists.state.hover(7)")
    assert lists.locator(".lm-scale-here").evaluate("(mark) => mark.style.left") == "100%"


def test_missing_numbers_are_counted(lists):
    show(lists, sounds(), "rms")
    assert lists.get_by_text("24 rows without a value").is_visible()
    show(lists, {"rms": [None, None]}, "rms")
    assert lists.get_by_text("2 rows without a value").is_visible()


@pytest.mark.parametrize("name", ["kind", "start_s"])
def test_the_legend_stays_small_under_a_map(lists, name):
    columns = {"kind": many(60), "start_s": [i / 7 for i in range(len(many(60)))]}
    show(lists, columns, name, size="start_s")
    box = lists.locator(".lm-colours").bounding_box()
    assert box["height"] <= 84
    assert lists.evaluate("document.querySelector('.lm-colours').scrollWidth <= 720")


def rows_of_table(page):
    return [int(text) for text in page.locator(".lm-rows tbody th").all_inner_texts()]


def opened_table(page):
    page.get_by_text("Table", exact=True).click()
    page.locator(".lm-rows tbody tr").first.wait_for()


def test_the_table_is_loaded_when_opened_and_has_pages(lists):
    show(lists, sounds(), "label")
    assert lists.evaluate("lists.source.asked") == []
    opened_table(lists)
    assert lists.evaluate("lists.source.asked") == list(sounds())
    assert lists.locator("caption").inner_text() == "240 visible rows; here 1 to 100"
    assert rows_of_table(lists) == list(range(100))
    lists.get_by_role("button", name="Next").press("Enter")
    lists.get_by_role("button", name="Next").press("Enter")
    assert rows_of_table(lists) == list(range(200, 240))
    assert lists.get_by_text("Page 3 of 3").is_visible()
    assert lists.get_by_role("button", name="Next").is_disabled()


def test_the_table_holds_the_selection_if_there_is_one(lists):
    show(lists, sounds(), "label")
    opened_table(lists)
    lists.evaluate("lists.state.select([3, 5, 8])")
    lists.get_by_text("3 selected rows").wait_for()
    assert rows_of_table(lists) == [3, 5, 8]
    lists.evaluate("lists.state.select([]); lists.state.hide([0, 1])")
    lists.get_by_text("238 visible rows").wait_for()
    assert rows_of_table(lists)[0] == 2
    # What happens while it is closed counts too.
    lists.get_by_text("Table", exact=True).click()
    lists.evaluate("lists.state.showAll()")
    lists.get_by_text("Table", exact=True).click()
    lists.get_by_text("240 visible rows").wait_for()


def test_the_table_is_sorted_by_its_headers(lists):
    show(lists, sounds(), "label")
    opened_table(lists)
    head = lists.get_by_role("columnheader", name="rms")
    assert head.get_attribute("aria-sort") == "none"
    lists.get_by_role("button", name="rms").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert rows_of_table(lists)[:9] == list(range(9))
    lists.get_by_role("button", name="rms").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert rows_of_table(lists)[:2] == [238, 237]
    lists.get_by_role("button", name="Next").click()
    lists.get_by_role("button", name="Next").click()
    # Rows without a number come last either way.
    assert rows_of_table(lists)[-24:] == list(range(9, 240, 10))
    lists.get_by_role("button", name="label").click()
    assert lists.locator(".lm-rows tbody td").first.inner_text() == "crying baby"


def test_the_keyboard_walks_through_the_table_and_pins(lists):
    show(lists, sounds(), "label")
    opened_table(lists)
    lists.get_by_role("button", name="Choose row 0", exact=True).focus()
    lists.keyboard.press("ArrowDown")
    lists.keyboard.press("ArrowDown")
    assert lists.evaluate("lists.state.hovered") == 2
    lists.keyboard.press("Enter")
    assert lists.evaluate("lists.state.pinned") == 2
    assert lists.locator("tr[aria-current] th").inner_text() == "2"
    # The table turns to what is chosen on the map.
    lists.evaluate("lists.state.pin(150)")
    assert lists.locator("tr[aria-current] th").inner_text() == "150"
    assert rows_of_table(lists)[0] == 100


def test_the_row_under_the_pointer_lights_up_on_the_map(lists):
    show(lists, sounds(), "label")
    opened_table(lists)
    lists.locator(".lm-rows tbody tr").nth(3).hover()
    assert lists.evaluate("lists.state.hovered") == 3
    lists.locator("caption").hover()
    assert lists.evaluate("lists.state.hovered") is None


def test_a_column_that_cannot_be_loaded_is_said_in_the_table(lists):
    show(lists, sounds(), "label")
    lists.evaluate(
        """() => {
          lists.source.column = () => Promise.reject(new Error("This workspace is gone."));
        }"""
    )
    lists.get_by_text("Table", exact=True).click()
    lists.get_by_role("alert").get_by_text("This workspace is gone.").wait_for()


def act(page, name):
    return page.get_by_test_id("selection-bar").get_by_role("button", name=name)


def test_the_bar_says_how_to_select_until_something_is(lists):
    show(lists, sounds(), "label")
    bar = lists.get_by_test_id("selection-bar")
    assert "Drag with the lasso" in bar.inner_text()
    height = bar.bounding_box()["height"]
    lists.evaluate("lists.state.select([1, 2, 3])")
    assert lists.get_by_text("3 selected", exact=True).is_visible()
    assert bar.bounding_box()["height"] == height
    lists.evaluate("lists.state.select([]); lists.selection.hint = 'Tap twice.'")
    assert lists.get_by_text("Tap twice.").is_visible()


def test_what_is_selected_can_be_isolated_hidden_inverted_and_cleared(lists):
    show(lists, sounds(), "label")
    lists.evaluate("lists.state.select([1, 2, 3])")
    act(lists, "Isolate").click()
    assert visible(lists) == [1, 2, 3]
    assert selected(lists) == [1, 2, 3]
    act(lists, "Show all (237 hidden)").click()
    assert visible(lists) == list(range(240))
    act(lists, "Hide").click()
    assert visible(lists) == [0, *range(4, 240)]
    assert selected(lists) == []
    lists.evaluate("lists.state.select([0])")
    act(lists, "Invert").click()
    assert selected(lists) == list(range(4, 240))
    lists.evaluate("lists.state.hide([4, 5])")
    assert lists.get_by_text(", 2 of them hidden").is_visible()
    act(lists, "Clear").press("Enter")
    assert selected(lists) == []
    # The button is gone, the keyboard's place is not.
    assert lists.evaluate("document.activeElement.dataset.testid") == "selection-bar"


def test_what_is_similar_to_the_chosen_point_is_selected(lists):
    show(lists, sounds(), "label")
    assert act(lists, "Similar").is_disabled()
    lists.evaluate("lists.state.pin(10)")
    act(lists, "Similar").press("Enter")
    lists.wait_for_function("document.activeElement.name === 'k'")
    lists.keyboard.type("5")
    lists.keyboard.press("Enter")
    lists.wait_for_function("lists.state.selectedCount === 3")
    assert selected(lists) == [10, 11, 12]
    assert lists.evaluate("lists.source.how") == [10, {"k": 5}]
    lists.locator(".lm-similar").wait_for(state="hidden")
    act(lists, "Similar").click()
    lists.get_by_label("Distance, at most").fill("0.35")
    lists.get_by_role("button", name="Select", exact=True).click()
    lists.wait_for_function("lists.source.how[1].distance === 0.35")


def test_a_similarity_that_cannot_be_had_is_explained(lists):
    show(lists, sounds(), "label")
    lists.evaluate("lists.state.pin(10)")
    act(lists, "Similar").click()
    lists.get_by_label("How many rows").fill("0")
    lists.keyboard.press("Enter")
    lists.get_by_text("Give a number of rows from 1 on").wait_for()
    lists.get_by_label("How many rows").fill("5000")
    lists.keyboard.press("Enter")
    lists.get_by_text("At most 1000 rows can be asked for.").wait_for()
    assert selected(lists) == []
    lists.keyboard.press("Escape")
    assert lists.locator(".lm-similar").is_hidden()


def test_every_control_has_a_name(lists):
    show(lists, {"kind": many(60)} | {"start_s": [i / 7 for i in range(len(many(60)))]}, "kind")
    opened_table(lists)
    lists.evaluate("lists.state.pin(3); lists.state.select([1]); lists.state.hide([2])")
    nameless = lists.evaluate(
        """() => [...document.querySelectorAll("button, input")].filter((one) =>
          !(one.ariaLabel || one.textContent.trim() || one.closest("label"))).length"""
    )
    assert nameless == 0
    assert lists.locator("section").get_attribute("aria-label") == "Legend: kind"


def test_the_lists_follow_the_theme(lists):
    show(lists, sounds(), "label", size="rms")
    lists.evaluate("lists.state.select([1, 2, 3])")
    grounds = []
    for scheme in THEMES:
        lists.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        grounds.append(
            lists.evaluate("getComputedStyle(document.querySelector('.lm-act')).backgroundColor")
        )
    assert grounds == ["rgb(255, 255, 255)", "rgb(19, 28, 40)"]
    transition = "getComputedStyle(document.querySelector('.lm-act')).transitionProperty"
    assert lists.evaluate(transition) == "none"


def test_rows_without_a_name_take_the_colour_of_the_rest_and_lie_behind(lists):
    found = lists.evaluate(
        """() => {
          const column = new lists.Names(
            { names: ["bird", "unknown", "whale"], count: 4 }, Uint8Array.of(0, 1, 2, 1));
          return lists.categories(column, { palette: lists.palette, other: "grey" });
        }"""
    )
    assert found["colours"][1] == "grey"
    assert found["colours"][0] != found["colours"][2]
    assert "grey" not in (found["colours"][0], found["colours"][2])
    assert found["behind"] == 1
    assert found["other"] is None
