#!/usr/bin/env bash
# Cheap checks of the tracked files: no tabs or trailing blanks, paths under 75 characters, scripts up to 120 columns,
# and clang-format where it is installed. Sizes and layers are checked by tests/structure.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
complain() { echo "$1"; status=1; }

mapfile -t files < <(git ls-files --cached --others --exclude-standard)
sources=()
for file in "${files[@]}"; do
  [ ${#file} -lt 75 ] || complain "$file: the path has ${#file} characters, 74 are allowed"
  case "$file" in
    *.cpp | *.h | *.inc) sources+=("$file") ;;
  esac
done

# Text that people write; the licence and recorded data keep their own form.
mapfile -t text < <(printf '%s\n' "${files[@]}" | grep -E '\.(cpp|h|inc|py|sh|cmake|md|json|yaml|yml|txt|toml)$' \
                    | grep -v -E '(^|/)(data|golden)/' || true)
existing=()
for file in "${text[@]}"; do [ -f "$file" ] && existing+=("$file"); done
if tabs="$(grep -nP '\t' "${existing[@]}" /dev/null)"; then complain "tabs:"$'\n'"$tabs"; fi
if blanks="$(grep -nP '[ \t]+$' "${existing[@]}" /dev/null)"; then complain "trailing blanks:"$'\n'"$blanks"; fi
mapfile -t scripts < <(printf '%s\n' "${existing[@]}" | grep -E '\.(py|sh)$')
if wide="$(grep -nP '^.{121,}$' "${scripts[@]}" /dev/null)"; then complain "lines over 120 columns:"$'\n'"$wide"; fi

# clang-format's output differs between versions: the one of the pre-commit hook decides.
if [ ${#sources[@]} -gt 0 ] && clang-format --version 2>/dev/null | grep -q 'version 18'; then
  clang-format --dry-run --Werror "${sources[@]}" || status=1
fi
[ $status -eq 0 ] && echo "style: ${#files[@]} files are fine"
exit $status
