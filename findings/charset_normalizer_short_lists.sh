#!/usr/bin/env bash
# charset-normalizer 3.5.3 takes a short list in GB18030 (a Chinese register of a few lines) for Korean (cp949): it decodes without an
# error to other letters. With more lines it is found. A guess from a few lines needs somebody who looks at it.
. "$(dirname "$0")/environment" charset-normalizer==3.5.3
cat > seen.py <<'PY'
from charset_normalizer import from_bytes

heading, line = "编号;名称\n", "1;马来西亚公司\n"
for lines in (1, 200):
    guess = from_bytes((heading + line * lines).encode("gb18030")).best()
    print(guess.encoding, str(guess).splitlines()[0] == heading.strip())
PY
expect "guess and whether the heading is right, of 1 line and of 200" "cp949 False gb18030 True" "$(python seen.py | xargs)"
