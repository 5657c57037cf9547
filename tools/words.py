"""English word lists and the singular of nouns, for reading phrases."""

from __future__ import annotations

import re


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _counted(text: str) -> dict[str, int]:
    """The words with their places, from 1."""
    return {word: place for place, word in enumerate(text.split(), 1)}


NUMBERS = _counted(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty") | {"both": 2, "dozen": 12}
ORDINALS = _counted("first second third fourth fifth sixth seventh eighth ninth tenth") | _counted(
    "1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th")
UNIVERSAL = _set("every each all any")
DETERMINERS = _set(
    "the a an this that these those my your his her their our its some any every each all of just only exactly "
    "single such many several few lots plenty various multiple more most other another whole entire same "
    "different top no first which whatever what")
# a word before "of" that is not the thing itself, with the number it stands for or 0
CONTAINERS = dict.fromkeys(_set(
    "group groups crowd crowds herd herds flock flocks bunch bunches row rows pack packs set sets kind kinds type "
    "types sort sorts number lot lots piece pieces slice slices bit bits chunk chunks stack stacks pile piles "
    "collection handful rest majority half team teams line lines swarm school pride litter one ones any all each "
    "some none many several few most picture pictures photo photos image images instance instances example "
    "examples"), 0) | {"pair": 2, "couple": 2, "trio": 3}
PAIRED = _set(
    "scissors glasses sunglasses trousers jeans pants shorts pliers binoculars tongs skis shoes socks gloves "
    "tights")
_ALWAYS_PLURAL = PAIRED - {"glasses", "skis", "shoes", "socks", "gloves"}
EVERYTHING = _set(
    "everything anything something thing object item stuff all one element entity detail whatever what it them "
    "they this that these those both each some most rest other")
PEOPLE = _set(
    "person man woman guy lady boy girl kid child adult human people someone everyone pedestrian player gentleman "
    "dude teenager")
PERSON_PRONOUNS = _set("everyone everybody anyone anybody someone somebody who whoever he she him folks")
REQUEST = _set(
    "find show me detect locate mark box draw boxes around round where where's is are was please can could you "
    "point out outline segment highlight count how spot give get identify see look for i want need would like to "
    "let us do does there bounding label tag frame put a")
STOPS = _set(
    "in on with of at by near wearing holding who whom whose that which behind under over above below beneath "
    "next from to into onto inside outside between beside besides against along across around through during "
    "without within beyond toward towards for as is are was were be been being has have had does do did not can "
    "could will would should may might must and or but than if when where while because so visible you i we he "
    "she they it there here")
TRAILING = _set(
    "please too only alone together also again now today ahead nearby away up down off out back")
ING_NOUNS = _set(
    "building painting ceiling wing ring king string thing swing clothing evening morning wedding lightning "
    "pudding icing dining parking living flying swimming sewing washing shopping fishing racing hunting crossing "
    "sailing rowing walking vending duckling gosling sibling earring railing awning covering drawing sling spring "
    "being everything anything something nothing stocking bunting training baking frying cutting drinking boxing "
    "hearing riding boarding serving mixing sapling starling dumpling seedling plaything landing lining viking "
    "dressing seasoning filling topping outing skating skiing surfing")
BODY_PARTS = _set(
    "hand arm elbow wrist shoulder leg knee ankle hip foot feet eye ear thigh shin calf finger thumb toe heel "
    "forearm cheek palm fist limb glove sleeve shoe sock boot")
# after one of these an "and" joins adjectives, not things
JOINABLE = _set(
    "black white red green blue yellow orange brown grey gray pink purple golden silver big small large little "
    "tiny huge tall short long young old new left right upper lower top bottom front back striped spotted dark "
    "light male female bright wooden metal plastic happy sad wild open closed standing sitting walking hot cold "
    "round square")

_IRREGULAR = {
    "people": "person", "persons": "person", "folk": "person", "folks": "person", "men": "man", "women": "woman",
    "children": "child", "kids": "kid", "mice": "mouse", "geese": "goose", "feet": "foot", "teeth": "tooth", "oxen":
    "ox",
    "knives": "knife", "wolves": "wolf", "leaves": "leaf", "loaves": "loaf", "shelves": "shelf", "calves": "calf",
    "wives": "wife", "lives": "life", "halves": "half", "scarves": "scarf", "thieves": "thief", "hooves": "hoof",
    "elves": "elf", "cacti": "cactus", "fungi": "fungus", "dice": "die", "lenses": "lens", "gases": "gas",
    "buses": "bus", "busses": "bus", "octopi": "octopus", "taxis": "taxi", "skis": "ski", "shoes": "shoe", "toes":
    "toe",
    "canoes": "canoe", "axes": "axe", "quizzes": "quiz", "aches": "ache", "headaches": "headache", "bikinis": "bikini",
    "kiwis": "kiwi", "safaris": "safari", "brethren": "brother", "heroes": "hero", "menus": "menu", "emus": "emu",
    "gnus": "gnu", "ones": "one", "caches": "cache", "aeroplanes": "aeroplane", "sheepdogs": "sheepdog", "gas": "gas",
    "zombies": "zombie", "mustaches": "mustache", "moustaches": "moustache", "policemen": "policeman",
}
_PLURAL_ENDINGS = (("men", "man"), ("women", "woman"), ("children", "child"))
_IE = _set(
    "movies ties pies cookies hoodies selfies brownies smoothies birdies doggies calories veggies genies rookies "
    "collies magpies zombies eyries hippies pixies cuties yuppies newbies foodies walkie-talkies walkies panties "
    "laddies aussies prairies eyes lies dies neckties bowties potpies")


def singular(word: str) -> str:
    """The singular of an English noun in lower case; a singular stays as it is."""
    if word in _ALWAYS_PLURAL:
        return word
    for _ in range(4):
        following = _step(word)
        if following == word:
            break
        word = following
    return word


def _step(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, one in _PLURAL_ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2 and word not in ("specimen", "regimen", "abdomen"):
            return word[: -len(ending)] + one
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "'s")):
        return word
    if word.endswith("ies"):
        return word[:-1] if word in _IE or len(word) == 4 else word[:-3] + "y"
    if re.search(r"(?:ch|sh|x|ss|us|o)es$", word):
        return word[:-2]
    return word[:-1]
