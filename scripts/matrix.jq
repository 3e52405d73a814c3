# SPDX-License-Identifier: GPL-2.0-only
# What scripts/matrix prints, from the lines of scripts/row. Arguments: kernels and tests, as
# planned; results: the lines; format: table, ktap, junit, kcidb
# or status; started and machine.

def lines($text): $text | split("\n") | map(select(. != ""));
def pad($n): . + " " * ($n - length);
def widest: map(length) | max;

# What should have a result and has none was not told by any host.
def cells:
  (lines($results) | map(split("\t") | {kernel: .[0], test: .[1], result: .[2], reason: .[3]})) as $had
  | lines($kernels)[] as $kernel
  | ($had | map(select(.kernel == $kernel))) as $row
  | {kernel: $kernel,
     tests: ((lines($tests) | map(. as $test
       | ($row | map(select(.test == $test)) | last)
         // {test: $test, result: "unavailable", reason: "no host could tell"}))
       + ($row | map(select(.test == "kernel"))))};

def bad: . != "pass" and . != "skip";

# The words from best to worst.
def rank: . as $word
  | ["pass", "skip", "unavailable", "unbuilt", "unbooted", "lost", "fail", "trouble"] | index([$word]);

def table:
  [cells] as $rows
  | (lines($tests) | map(sub("\\.ipv[46]$"; "")) | reduce .[] as $name ([];
      if any(.[]; . == $name) then . else . + [$name] end)) as $names
  | ($names | widest) as $left
  | ($rows | map(.kernel | sub("-amd64$"; ""))) as $heads
  | ($heads | map([length, 11] | max)) as $widths
  | ([("SCENARIO" | pad($left))] + [range($heads | length) as $i | $heads[$i] | pad($widths[$i])]
      | join("  ")),
    ($names[] as $name
      | [($name | pad($left))]
        + [range($rows | length) as $i
          | $rows[$i].tests | map(select(.test | sub("\\.ipv[46]$"; "") == $name) | .result)
          | max_by(rank) | pad($widths[$i])]
      | join("  ")),
    "",
    ($rows[] | .kernel as $kernel | .tests
      | group_by([.result, .reason])[] | select(.[0].result | bad)
      | "\(.[0].result): \($kernel): \(map(.test) | if length > 4 then "\(length) tests" else join(" ") end): \(.[0].reason)"),
    ([$rows[].tests[].result] | group_by(.) | map("\(length) \(.[0])") | join(", "));

# A "#" would begin a directive.
def said: gsub("#"; "%");

def ktap:
  [cells] as $rows
  | "KTAP version 1", "1..\($rows | length)",
    ($rows | to_entries[] | .key as $i | .value
      | "    KTAP version 1", "    # Subtest: \(.kernel)", "    1..\(.tests | length)",
        (.tests | to_entries[] | .key as $j | .value
          | if .result == "pass" then "    ok \($j + 1) \(.test)"
            elif .result == "skip" then "    ok \($j + 1) \(.test) # SKIP \(.reason | said)"
            else "    # \(.result): \(.reason | said)", "    not ok \($j + 1) \(.test)" end),
        "\(if any(.tests[]; .result | bad) then "not " else "" end)ok \($i + 1) \(.kernel)");

def is($words): . as $word | any($words[]; . == $word);
def failures: ["fail", "trouble"];
def errors: ["lost", "unbooted", "unbuilt", "unavailable"];
def count($words): map(select(.result | is($words))) | length;

# XML cannot have control characters at all.
def xml: gsub("[^ -~]"; "?") | @html;

def outcome:
  if .result == "pass" then ""
  elif .result == "skip" then "<skipped message=\"\(.reason | xml)\"/>"
  else (if .result | is(failures) then "failure" else "error" end) as $element
    | "<\($element) type=\"\(.result)\" message=\"\(.reason | xml)\"/>" end;

def junit:
  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites name=\"skbalance\">",
  (cells | .kernel as $kernel
    | "  <testsuite name=\"\($kernel | xml)\" tests=\"\(.tests | length)\" failures=\"\(.tests
        | count(failures))\" errors=\"\(.tests | count(errors))\" skipped=\"\(.tests
        | count(["skip"]))\">",
      (.tests[] | "    <testcase classname=\"\($kernel | xml)\" name=\"\(.test | xml)\">\(outcome)</testcase>"),
      "  </testsuite>"),
  "</testsuites>";

# https://github.com/kernelci/kcidb-io: schema 5.3. A checkout is a kernel as Debian packages it.
def kcidb:
  def id($kernel): "skbalance:\($started)-\($kernel)";
  def state: {pass: "PASS", skip: "SKIP", fail: "FAIL", trouble: "FAIL", lost: "ERROR"}[.] // "MISS";
  [cells] as $rows
  | {version: {major: 5, minor: 3},
     checkouts: [$rows[] | {id: id(.kernel), origin: "skbalance", tree_name: "debian",
       git_commit_name: .kernel, valid: true}],
     builds: [$rows[] | {id: id(.kernel), checkout_id: id(.kernel), origin: "skbalance",
       architecture: $machine,
       status: (if any(.tests[]; .result == "unbuilt") then "FAIL"
         elif any(.tests[]; .result == "unavailable") then "MISS" else "PASS" end)}],
     tests: [$rows[] | .kernel as $kernel | .tests[]
       | {id: "\(id($kernel))-\(.test)", build_id: id($kernel), origin: "skbalance",
          path: "skbalance.\(.test)", status: (.result | state),
          misc: {result: .result, reason: .reason}}]};

if $format == "table" then table
elif $format == "ktap" then ktap
elif $format == "junit" then junit
elif $format == "kcidb" then kcidb
else
  [cells.tests[].result]
  | if any(.[]; is(failures)) then 1
    elif any(.[]; is(errors)) then 3
    elif any(.[]; . == "pass") then 0
    else 4 end
end
