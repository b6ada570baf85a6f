"""What limits the speed, in words: measured once, not with every run."""

BOUNDS = (
    "## What limits the speed",
    "",
    "- **Matrix products.** A box of ordinary size needs two small matrix products. Small "
    "products run far below the speed of a large one. In A they take a little more than half "
    "of the time, at 35 to 75 GFLOP/s each.",
    "- **Memory of the output.** The system provides it page by page and fills each page "
    "with zeros first. This matters in A and C.",
    "- **Python.** Each box costs a few microseconds of Python, which matters in D. In E and I, "
    "windows of similar shapes are copied and multiplied together. The single box of F needs "
    "about a hundred NumPy calls of a microsecond or less and nearly two hundred calls of Python "
    "functions.",
    "- **Rows of the map.** With the channels last, the rows of D would lie 32 KB apart and share "
    "a few lines of the cache. In some processes D took 47 ms instead of 27 ms. A few unused "
    "numbers at the end of each row keep them apart.",
    "- **One thread.** The program uses one thread. Two Python threads wait for each other's "
    "interpreter lock, and only C gained from a second one.",
    "- **Size of the products.** Matrix products stay below the size at which the matrix "
    "library starts a second thread. When another process kept one core busy, waiting for "
    "that thread cost up to four times the time of a row (G 96 → 325 ms, H 398 → 1507 ms). "
    "The column **busy ÷ quiet** shows what remains. The price is that A is a quarter slower on "
    "two idle cores.",
)
