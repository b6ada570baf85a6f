"""What limits the speed, in words: measured once, not with every run."""

BOUNDS = (
    "## What limits the speed",
    "",
    "- **Matrix products.** A box of ordinary size needs two small matrix products. Small "
    "products run far below the speed of a large one. In A they take a little more than half "
    "of the time, at 35 to 75 GFLOP/s each.",
    "- **Memory of the output.** The averages of a box are computed in a small array that the "
    "processor keeps, and then copied as one piece. Without the copy C took 47 ms instead of "
    "41 ms, and D 27 ms instead of 24 ms. The output of C has 200 MB: writing it takes 12 ms.",
    "- **Memory of temporary arrays.** The C library returns freed memory to the system, and the "
    "system fills every page with zeros before it gives it back. A block of 4 MB that is freed "
    "at the start makes glibc keep more. Without this block, row I took 12.4 ms instead of 5.8 ms "
    "in a process of its own.",
    "- **Python.** Each box costs a few microseconds of Python, which matters in D. In E and I, "
    "windows of similar shapes are copied and multiplied together. The single box of F needs "
    "about a hundred NumPy calls of a microsecond or less and nearly two hundred calls of Python "
    "functions.",
    "- **Rows of the map.** With the channels last, the rows of D would lie 32 KB apart and share "
    "a few lines of the cache. In some processes D took 47 ms instead of 27 ms. A few unused "
    "numbers at the end of each row keep them apart. Channels that lie a power of two apart are "
    "laid out 16 at a time, which takes a third of the time.",
    "- **Maxima.** H computes 212 million values, each from four cells, and keeps 2.5 million of "
    "them. The products along y take 106 ms (56 GFLOP/s, because the window comes from "
    "memory), those along x 74 ms (125 GFLOP/s), and the maxima 53 ms.",
    "- **One thread.** The program uses one thread. Two Python threads wait for each other's "
    "interpreter lock. With two threads that shared one map, B took 53 ms instead of 66 ms and H "
    "231 ms instead of 258 ms, C took the same time, and A, D, E, G and I took 10 to 60 % longer.",
    "- **Size of the products.** Matrix products stay below the size at which the matrix "
    "library starts a second thread. When another process kept one core busy, waiting for "
    "that thread cost up to four times the time of a row (G 96 → 325 ms, H 398 → 1507 ms). "
    "The column **busy ÷ quiet** shows what remains. The price is that A is a quarter slower on "
    "two idle cores.",
)
