"""Texts with known findings, and texts that must stay: templates in eight languages x values that are made up.

Values are made by rule (check digits, number plans, ranges) from a seed, so no real person's data stands in the
repository and every run has the same texts.
"""

# ruff: noqa: E501  # tables of texts read best a row a line
from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kapagate.guards.card import luhn
from kapagate.guards.iban import mod97

Dice = random.Random
DIGITS, HEX, ALNUM = string.digits, "0123456789abcdef", string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Sample:
    """A text in which `text[start:end]` is of `kind`; of the kind "" when it must stay as it is."""

    kind: str
    locale: str
    text: str
    start: int = 0
    end: int = 0


ANY = (
    "{}",
    "See {} for details.",
    "- {}\n- next item",
    "| a | {} | b |",
    "Log line: user={} status=ok",
    "({})",
    "`{}`",
)
SENTENCES = {
    "en": ("Please use {} for this.", "I was told {} yesterday, is that right?", "The customer wrote: {}.", "Send it to {} today"),
    "de": ("Bitte nutzen Sie {} dafür.", "Gestern hieß es {}, stimmt das?", "Der Kunde schrieb: {}.", "Über {} läuft es täglich"),
    "fr": ("Merci d'utiliser {} pour cela.", "On m'a dit {} hier, est-ce juste ?", "Le client a écrit : {}.", "C'était {} à l'époque"),
    "es": ("Utilice {} para esto.", "¿Es {} correcto?", "El cliente escribió: {}.", "Mañana será {} también"),
    "it": ("Usa {} per questo.", "Mi hanno detto {} ieri, è giusto?", "Il cliente ha scritto: {}.", "Perché {} è qui"),
    "nl": ("Gebruik {} hiervoor.", "Gisteren zei men {}, klopt dat?", "De klant schreef: {}.", "Het is {} sinds vandaag"),
    "pt": ("Use {} para isso.", "Disseram {} ontem, está certo?", "O cliente escreveu: {}.", "Não é {} agora"),
    "pl": ("Proszę użyć {} do tego.", "Wczoraj było {}, czy to prawda?", "Klient napisał: {}.", "Dzięki {} działa"),
}  # fmt: skip
SPEAKING = {
    "en": ("Call me at {}.", "My phone number is {}", "Mobile: {}", "fax {}, thanks", "Tel. {}"),
    "de": ("Rufen Sie mich unter {} an.", "Meine Telefonnummer ist {}", "Handy: {}", "Fax {}, danke", "Tel. {}"),
    "fr": ("Appelez-moi au {}.", "Mon numéro est le {}", "Portable : {}", "fax {}, merci", "Tél. {}"),
    "es": ("Llame al {}.", "Mi teléfono es el {}", "Móvil: {}", "fax {}, gracias", "Tel. {}"),
    "it": ("Chiamami al {}.", "Il mio numero è {}", "Cellulare: {}", "fax {}, grazie", "Tel. {}"),
    "nl": ("Bel mij op {}.", "Mijn telefoonnummer is {}", "Mobiel: {}", "fax {}, bedankt", "Tel. {}"),
    "pt": ("Ligue para {}.", "Meu telefone é {}", "Celular: {}", "fax {}, obrigado", "Tel. {}"),
    "pl": ("Telefon do mnie: {}.", "Mój numer to {}", "Kom. tel. {}", "fax {}, dziękuję", "Tel. {}"),
}
BORN = {
    "en": ("born on {}", "Date of birth: {}", "DOB: {}"), "de": ("geboren am {}", "Geburtsdatum: {}"),
    "fr": ("née le {}", "Date de naissance : {}"), "es": ("nacido el {}", "Fecha de nacimiento: {}"),
    "it": ("nata il {}", "Data di nascita: {}"), "nl": ("geboren op {}", "Geboortedatum: {}"),
    "pt": ("nascido em {}", "Data de nascimento: {}"), "pl": ("urodzona {}", "Data urodzenia: {}"),
}  # fmt: skip
NAMED = {
    "en": "my name is {}.", "de": "Mein Name ist {}.", "fr": "Je m'appelle {}.", "es": "Me llamo {}.", "it": "Mi chiamo {}.",
    "nl": "Mijn naam is {}.", "pt": "Meu nome é {}.", "pl": "nazywam się {}.",
}  # fmt: skip
PHONES = {
    "US": ("(2##) 5##-####", "3##-5##-####", "+1 4##-5##-####", "+14155######", "6##.5##.####", "1-8##-5##-####", "2##5######", "4##-5##-####x###", "001-581-5##-0###x3##0", "(581)-5##-####", "+1-177-5##-####x###", "151.5##.####x##"),
    "CA": ("(416) 5##-####", "+1 (604) 5##-####", "514-5##-####", "+1.613.5##.####", "4165######"),
    "GB": ("+44 20 7### ####", "020 7### ####", "07### ######", "+44 (0)161 4## ####", "(0115) 4## ####", "079########", "07700-900-###", "+44(0)1632 9#####"),
    "DE": ("+49 30 #######", "030 #######", "0171 #######", "+49 (0)89 ######", "0221/######", "0176########", "(040) ######", "030 / #######", "(0 30) ## ## ## ##", "+49 (0)30 / #######", "030 - ######"),
    "FR": ("+33 1 ## ## ## ##", "06 ## ## ## ##", "01.##.##.##.##", "+33 (0)6 ## ## ## ##", "07########", "06/##/##/##/##", "06-##-##-##-##"),
    "ES": ("+34 6## ### ###", "6## ## ## ##", "9## ## ## ##", "+346########", "6## ### ###", "6########", "91 ### ## ##", "(+34) 6## ### ###", "900 ### ###"),
    "IT": ("+39 06 #### ####", "+39 34# #######", "34# #######", "06 ########", "34########", "34#/#######", "800 ### ###", "34# ## ## ###"),
    "NL": ("+31 6 ########", "06-########", "020-#######", "+31 (0)20 #######", "06########"),
    "IN": ("+91 9#### #####", "9#### #####", "9####-#####", "+919#########", "098########", "022 #### ####"),
    "AU": ("+61 4## ### ###", "04## ### ###", "(02) 9### ####", "02 9### ####", "1300 ### ###"),
    "BR": ("+55 11 9####-####", "(11) 9####-####", "(21) 3###-####", "11 9####-####", "+55 (11) 9####-####", "(11) 9 ####-####", "11 9#### ####"),
    "JP": ("+81 3-####-####", "03-####-####", "090-####-####", "0120-###-###", "+81 90 #### ####"),
}  # fmt: skip
SPEAKS = {
    "US": "en",
    "CA": "en",
    "GB": "en",
    "IN": "en",
    "AU": "en",
    "JP": "en",
    "BR": "pt",
    **{c: c.lower() for c in ("DE", "FR", "ES", "IT", "NL")},
}
NAMES = ("jane", "j.doe", "maria.garcia", "o'brien", "max_m", "li.wei+news", "jürgen", "anna-lena", "zoé", "info", "k2")
HOSTS = ("example.com", "mail.example.co.uk", "müller.example", "sub.domain.example.org", "a1.io", "firma-gmbh.de")
PEOPLE = (
    "Jane Doe",
    "Anna von der Leyen",
    "José García",
    "Zoé Dupont",
    "Max Müller",
    "Kofi Mensah",
    "Mary-Ann O'Neill",
)
COUNTRIES = {
    "DE": 18,
    "NL": "4a10",
    "GB": "4a14",
    "FR": "10d11a2d",
    "ES": 20,
    "IT": "1a22",
    "PT": 21,
    "PL": 24,
    "AT": 16,
    "CH": 17,
}


def filled(dice: Dice, shape: str) -> str:
    return "".join(dice.choice(DIGITS) if each == "#" else each for each in shape)


def _of(dice: Dice, letters: str, length: int) -> str:
    return "".join(dice.choices(letters, k=length))


def card(dice: Dice) -> str:
    prefix, length = dice.choice(
        (
            ("4", 16),
            ("4", 13),
            ("51", 16),
            ("2221", 16),
            ("37", 15),
            ("36", 14),
            ("6011", 16),
            ("3530", 16),
            ("3502", 16),
            ("5018", 12),
            ("62", 19),
        )
    )
    body = prefix + _of(dice, DIGITS, length - len(prefix) - 1)
    number = next(body + each for each in DIGITS if luhn((body + each).encode()))
    separator = dice.choice(("", " ", "-")) if length in (12, 16) else ""
    return separator.join(number[at : at + 4] for at in range(0, length, 4))


def iban(dice: Dice) -> str:
    country, shape = dice.choice(list(COUNTRIES.items()))
    layout = f"{shape}d" if isinstance(shape, int) else shape
    length = {"4a10": 14, "4a14": 18, "10d11a2d": 23, "1a22": 23}.get(str(shape)) or int(layout[:-1])
    letters = 4 if layout.startswith("4a") else 1 if layout.startswith("1a") else 0
    body = _of(dice, string.ascii_uppercase, letters) + _of(dice, DIGITS, length - letters)
    number = next(
        f"{country}{check:02d}{body}" for check in range(2, 99) if mod97(f"{country}{check:02d}{body}".encode())
    )
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4)) if dice.random() < 0.5 else number


def ssn(dice: Dice) -> str:
    area = dice.choice([each for each in range(1, 900) if each != 666])
    return f"{area:03d}-{dice.randint(1, 99):02d}-{dice.randint(1, 9999):04d}"


def ip(dice: Dice) -> str:
    if dice.random() < 0.6:
        return ".".join(str(dice.randint(11, 223)) for _ in range(4))
    groups = [f"{dice.randint(1, 65535):x}" for _ in range(8)]
    return dice.choice((":".join(("2001", *groups[1:])), f"2001:db8::{groups[0]}", f"2a00:{groups[1]}::{groups[2]}"))


def key(dice: Dice) -> str:
    return dice.choice(
        (
            lambda: "AKIA" + _of(dice, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
            lambda: "ghp" + "_" + _of(dice, ALNUM, 36),
            lambda: "sk-" + "proj-" + _of(dice, ALNUM, 48),
            lambda: "xoxb" + "-" + _of(dice, DIGITS, 11) + "-" + _of(dice, ALNUM, 24),
            lambda: "sk" + "_live_" + _of(dice, ALNUM, 24),
            lambda: "AIza" + _of(dice, ALNUM, 35),
            lambda: "glpat" + "-" + _of(dice, ALNUM, 20),
            lambda: "SG" + "." + _of(dice, ALNUM, 22) + "." + _of(dice, ALNUM, 43),
            lambda: "npm" + "_" + _of(dice, ALNUM, 36),
            lambda: "hf" + "_" + _of(dice, ALNUM, 34),
            lambda: "eyJ" + _of(dice, ALNUM, 30) + ".eyJ" + _of(dice, ALNUM, 60) + "." + _of(dice, ALNUM, 43),
        )
    )()


def email(dice: Dice) -> str:
    return f"{dice.choice(NAMES)}@{dice.choice(HOSTS)}"


def mac(dice: Dice) -> str:
    return dice.choice(":-").join(f"{dice.randint(1, 254):02x}" for _ in range(6))


def birth(dice: Dice) -> str:
    day, month, year = dice.randint(1, 28), dice.randint(1, 12), dice.randint(1930, 2010)
    return dice.choice(
        (f"{day:02d}.{month:02d}.{year}", f"{month}/{day}/{year}", f"{year}-{month:02d}-{day:02d}", f"{day} May {year}")
    )


ANYWHERE: dict[str, Callable[[Dice], str]] = {
    "email": email, "card": card, "iban": iban, "ssn": ssn, "ip": ip, "mac": mac, "api_key": key,
}  # fmt: skip

STAYING = (
    "Order no. {o}, invoice 2024-{d6}, ticket #{d8}", "ISBN 978-3-16-{d6}-0 and ISSN 2049-{d4}", "commit {h40} of {h7}",
    "version {v}, build {d6}, Chrome/1{d2}.0.0.0", "{d2}.{d6}, -{d2}.{d6}", "at 2024-0{n}-1{n}T10:3{n}:4{n}.{d6}Z INFO worker-{n} took {d4} ms",
    "{n} + {d4} * {d2} = {d6}", "for (int i = 0; i < {d4}; i++) {{ x[i] = 0x{h8}; }}", "id {u}", "pip install kapagate=={v}.{n}",
    "https://docs.example.com/v{n}.1{n}/2024/0{n}/page-{d8}?id={d6}#L{d2}", "{d2} people, {d3},{d3} EUR, {d3} {d3} rows",
    "sha256:{h64}", "error code {d4}: see section {n}.{n}.{n}", "the port is {d4}, the limit {d8} bytes", "2024-0{n}-1{n} to 2024-1{m}-0{n}",
    "timestamp 17{d8} or 17{d8}{d3}", "as in 3.{n}.{m}.{n}, the", "§ {n}.2.{n}.4", "Kapitel {n}.1.2.4", "rozdział {n}.1.2.{n}", "sezione 1.2.{n}.4",
    "SIREN 732 829 {d3}", "x[::{n}], y[1::2]", "the number {d8} is prime", "Git 1.7.{d2}.1 Release Notes", "in Clause 252.227-70{d2}",
    "@dataclass\nclass A{n}: x: int = {d4}", "npm install @types/node@{v}", "git@github.com:org/repo{n}.git",
    "SELECT * FROM t WHERE id = {d8} LIMIT {d3};", "password: str = Field(min_length={n})", "token = get_token({d3})", "max_tokens={d4}",
    "color: #{h6}; width: {d3}px", "call f({d3}, {d4}) returns {d6}", "EAN 4{d6}{d6}", "track 1Z{d8}AB{d6}", "10:3{n}:4{n}", "ratio 1{n}:2{n}",
)  # fmt: skip


def _staying(dice: Dice, template: str) -> str:
    lengths = {f"d{n}": n for n in (2, 3, 4, 6, 8)}
    values = {name: dice.choice("123456789") + _of(dice, DIGITS, length - 1) for name, length in lengths.items()}
    values |= {f"h{n}": _of(dice, HEX, n) for n in (6, 7, 8, 40, 64)} | {
        "n": dice.choice("123456789"),
        "m": dice.choice("012"),
    }
    values |= {
        "v": f"{dice.randint(0, 20)}.{dice.randint(0, 40)}.{dice.randint(0, 99)}",
        "o": f"A{_of(dice, DIGITS, 9)}",
    }
    return template.format(**values, u="-".join(_of(dice, HEX, n) for n in (8, 4, 4, 4, 12)))


def _sample(kind: str, locale: str, template: str, value: str) -> Sample:
    start = template.index("{}")
    return Sample(kind, locale, template.replace("{}", value), start, start + len(value))


def corpus(each: int = 40, seed: int = 11) -> Iterator[Sample]:
    """`each` texts for every kind and locale."""
    dice = Dice(seed)
    for locale, sentences in SENTENCES.items():
        for kind, make in ANYWHERE.items():
            for _ in range(each):
                yield _sample(kind, locale, dice.choice(sentences + ANY), make(dice))
        for _ in range(each):
            yield _sample("birth", locale, dice.choice(BORN[locale]), birth(dice))
            yield _sample("name", locale, NAMED[locale], dice.choice(PEOPLE))
            sentence = dice.choice(sentences).format(_staying(dice, dice.choice(STAYING)))
            yield Sample("", locale, sentence)
            yield Sample("", locale, _staying(dice, dice.choice(STAYING)))
    for region, shapes in PHONES.items():
        for _ in range(each * 2):
            shape = dice.choice(shapes)
            bare = shape.replace("#", "").isdigit()
            templates = SPEAKING[SPEAKS[region]] + (() if bare else SENTENCES[SPEAKS[region]] + ANY)
            yield _sample("phone", region, dice.choice(templates), filled(dice, shape))
