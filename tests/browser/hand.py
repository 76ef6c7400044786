"""A person at work in a browser, whose interactions are counted.

An interaction is a click, a key chord (two letters after one another are one) or a field filled.
"""

from typing import Literal

from playwright.sync_api import Locator, Page, expect

Mode = Literal["mouse and keys", "keys alone", "without JavaScript"]
MODES: tuple[Mode, ...] = ("mouse and keys", "keys alone", "without JavaScript")
_FURTHEST = 90
_ON_ITS_PAGE = {
    "pay": ("", "Record payment"),
    "suspend": ("Status", "Suspend"),
    "claim": ("", "Claim c"),
    "add a member": ("Change", "Add a member"),
}


class Hand:
    """Does what a person does on a page, in one of three ways, and counts it.

    `count`: interactions so far. With keys alone a control is reached by Tab, which is not counted,
    as walking from field to field is not; without JavaScript what has a key is clicked.
    """

    def __init__(self, page: Page, mode: Mode) -> None:
        self.page = page
        self.mode = mode
        self.count = 0

    def press(self, *keys: str) -> None:
        """Press a chord, or letters after one another."""
        self.count += 1
        for key in keys:
            self.page.keyboard.press(key)

    def go(self, key: str, name: str) -> None:
        """Go to a page of the rail."""
        if self.mode == "without JavaScript":
            self.click(self.page.get_by_label("Main").get_by_role("link", name=name, exact=True))
        else:
            self.press("g", key)

    def click(self, control: Locator) -> None:
        """Click a control; with keys alone, walk to it and press Enter."""
        self.count += 1
        if self.mode == "keys alone":
            self._walk_to(control)
            self.page.keyboard.press("Enter")
        else:
            control.click()

    def act(self, key: str, name: str) -> None:
        """Do what the record offers under a key; without JavaScript, click it."""
        control = self.page.locator(f'main [data-key="{key}"]').filter(has_text=name)
        if self.mode == "without JavaScript":
            self.click(control.first)
        else:
            expect(control.first).to_be_attached()
            self.press(key)

    def fill(self, label: str, text: str) -> None:
        """Fill a field."""
        self.count += 1
        field = self.page.get_by_label(label).first
        if self.mode == "keys alone":
            self._walk_to(field)
            self.page.keyboard.press("Control+a")
            self.page.keyboard.type(text)
        else:
            field.fill(text)

    def choose(self, label: str, option: str) -> None:
        """Choose of a list of options, by its words."""
        self.count += 1
        field = self.page.get_by_label(label).first
        if self.mode == "keys alone":
            self._walk_to(field)
            self.page.keyboard.type(option)
        else:
            field.select_option(label=option)

    def find(self, text: str) -> None:
        """Open a record by what is known of it."""
        if self.mode == "without JavaScript":
            self.click(self.page.get_by_role("button", name="Search"))
            self.fill("Search records and pages", text)
            self.press("Enter")
            self.click(self.page.locator("main").get_by_role("link", name=text).first)
            return
        self.press("Control+k")
        self.count += 1
        self.page.keyboard.type(text)
        self.press("Enter")

    def say(self, verb: str, number: str) -> None:
        """Do something to a policy by its number; without JavaScript, on its page."""
        if self.mode != "without JavaScript":
            self.find(f"{verb} {int(number[-6:])}")
            return
        self.find(number)
        menu, name = _ON_ITS_PAGE[verb]
        if menu:
            self.click(self.page.locator("main").get_by_role("button", name=menu))
        self.click(self.page.locator("main").get_by_role("link", name=name))

    def submit(self, name: str) -> None:
        """Send the form; without JavaScript, by its button."""
        button = self.page.locator("main").get_by_role("button", name=name, exact=True).first
        if self.mode == "without JavaScript":
            self.click(button)
        else:
            expect(button).to_be_visible()
            self.press("Control+Enter")

    def _walk_to(self, control: Locator) -> None:
        expect(control).to_be_visible()
        for _step in range(_FURTHEST):
            if control.evaluate("it => it === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"The keyboard does not reach {control}")
