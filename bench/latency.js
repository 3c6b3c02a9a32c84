// Calls at a constant rate, whether earlier ones are answered or not; each asks about another company.
import http from "k6/http";
import { check } from "k6";
import exec from "k6/execution";

export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ["p(50)", "p(95)", "p(99)", "max"],
  scenarios: {
    constant: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE),
      timeUnit: "1s",
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: 200,
      maxVUs: 2000,
    },
  },
};

function siren(number) {
  const stem = String(10000000 + (number % 89999999));
  let sum = 0;
  for (let i = 0; i < 8; i++) {
    const digit = Number(stem[i]) * (i % 2 ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return stem + ((10 - (sum % 10)) % 10);
}

export default function () {
  const path = `/v3/insee/sirene/unites_legales/${siren(exec.scenario.iterationInTest)}${__ENV.QUERY}`;
  const answer = http.get(__ENV.BASE + path, { headers: { Authorization: __ENV.BEARER }, tags: { name: "call" } });
  check(answer, { "is 200": (each) => each.status === 200 });
}

export function handleSummary(data) {
  const { http_req_duration: took, checks, dropped_iterations: dropped } = data.metrics;
  return {
    stdout: JSON.stringify({
      p50: took.values["p(50)"],
      p99: took.values["p(99)"],
      max: took.values.max,
      answers: checks.values.passes,
      wrong: checks.values.fails,
      dropped: dropped ? dropped.values.count : 0,
    }),
  };
}
