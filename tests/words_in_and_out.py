"""Words for the class space's test, written after the lexicon; they set no entry, only the threshold NEAR.

INSIDE: class of COCO -> words that mean it, comma-separated. OUTSIDE: words that mean none of the classes.
"""

INSIDE = {
    "person":
        "accountant, librarian, matador, trombonist, schoolteacher, milkman, grandparents, barbarian, hairstylist, "
        "sumo wrestler, peopel, womn, childern, pedestrians, policemen, street performer, young ladies",
    "bicycle": "bycicle, bikes, kids bike, rental bicycle",
    "car": "race cars, automobil, police cruiser car, yellow cabs",
    "motorcycle": "motorbikes, motorcyle, sport motorcycle",
    "airplane": "airplanes, aeroplain, passenger aircraft",
    "bus": "busses, red double deckers, airport shuttle bus",
    "train": "trains, locomotve, freight locomotive",
    "truck": "lorries, trucks, pick up truck, armored truck",
    "boat": "boats, saling boat, wooden canoe, river barge",
    "traffic light": "trafic lights, traffic lights",
    "fire hydrant": "hydrants, fire hydrnt",
    "stop sign": "stop signs",
    "bench": "benches, bech",
    "bird": "birds, pidgeon, seaguls, baby penguins, barn owl, songbirds",
    "cat": "cats, tabby cats, kittten, black cat",
    "dog": "dogs, puppys, labradore, guard dog, springer spaniel",
    "horse": "horses, race horse, ponies",
    "sheep": "sheeps, black sheep, newborn lamb",
    "cow": "cows, bulls, heifers, ox cow",
    "elephant": "elephants, elepant",
    "bear": "bears, polar bears",
    "zebra": "zebra, zebbra",
    "giraffe": "girraffe",
    "backpack": "backpacks, rucksak",
    "umbrella": "umbrellas, umbrellla",
    "handbag": "hand bags, purses, designer handbag",
    "suitcase": "suitcases, lugage",
    "tie": "neckties, silk tie",
    "frisbee": "frisbees, frizbee",
    "kite": "kites",
    "skateboard": "skateboards, skatebaord",
    "surfboard": "surfboards, surf boards",
    "sports ball": "soccer balls, tenis ball",
    "tennis racket": "tennis rackets, tennis raquet",
    "bottle": "bottles, plastic bottles",
    "wine glass": "wineglasses",
    "cup": "cups, mugs, tea cups",
    "fork": "forks",
    "knife": "knifes, steak knives",
    "spoon": "spoons, teaspoons",
    "bowl": "bowls, cereal bowls",
    "banana": "bananas, banaana",
    "apple": "apples, green apples",
    "orange": "oranges",
    "sandwich": "sandwiches, hamburgers, chicken sandwich",
    "carrot": "carrots",
    "broccoli": "brocoli",
    "pizza": "pizzas, pizza slices",
    "donut": "donuts, doughnuts",
    "cake": "cakes, chocolate cakes",
    "chair": "chairs, wooden chairs, wheelchairs",
    "couch": "couches, sofa bed",
    "potted plant": "potted plants, houseplants",
    "bed": "beds, hospital beds",
    "dining table": "tables, dinning table",
    "toilet": "toilets",
    "tv": "TVs, televisions",
    "laptop": "laptops, lap-tops, laptop computers",
    "keyboard": "keyboards",
    "cell phone": "cellphones, smart phones",
    "refrigerator": "refrigerators, refrigerater",
    "book": "paperbacks, text books",
    "clock": "clocks, alarm clocks",
    "vase": "vases, flower vases",
    "scissors": "scissors, scisors",
    "teddy bear": "teddy bears, tedy bear",
    "toothbrush": "toothbrushs, tooth brushes",
}
_OUTSIDE = (
    "pagoda, bungalow, obelisk, spire, willow tree, cherry blossom, seaweed, pebble, hailstone, avalanche, "
    "earthquake, horizon line, sidewalk chalk, guardrail, speed bump, doorbell, keyhole, mantelpiece, bannister, "
    "skylight, curtain rod, bathrobe, kimono, turban, bonnet hat, cufflinks, snorkel, flippers, eyepatch, dimple, "
    "freckle, ponytail, mohawk, ribcage, kidney, parsley, rhubarb, artichoke, pistachio, tofu, ravioli, hummus, "
    "pretzel, milkshake, soy sauce, cinnamon, ukulele, banjo, bagpipes, gong, metronome, songbook stand, periscope, "
    "trebuchet, scabbard, quiver, crossbow, pitchfork, hoe, sickle, blowtorch, crowbar, sandpaper, paint roller, "
    "hedge trimmer, stingray, sea urchin, piranha, tarantula, centipede, termite, hummus bowl lid, platypus, "
    "wombat, tapir, okapi, aardvark, capybara, narwhal, stalactite, quicksand, geyser, gargoyle, leprechaun, "
    "minotaur, poltergeist, hologram, blueprint, crossword, origami, graffiti, mosaic, stained glass, sandcastle, "
    "jack-o-lantern, mistletoe, piñata, hula hoop, yo-yo, pogo stick, jigsaw, domino, marble run, chess board, "
    "roulette, thunderstorm, humidity, temperature, loneliness, justice, algorithm, encryption, philosophy, "
    "inflation, election, recipe, melody, lullaby, fragrance, nostalgia, toothpick, dental floss, cotton swab, "
    "deodorant, nail file, tweezers, stethoscope, x-ray, wheel clamp, spark plug, gearbox, radiator grille, "
    "windsock, runway, hangar, train ticket, bus lane, boat ramp, horse trough, bird feeder, dog biscuit, cat flap, "
    "bear trap, car wash, truck stop"
)
OUTSIDE = _OUTSIDE.split(", ")
