export const en = { "time.now":"just now","time.ago":"{amount} ago","time.in":"in {amount}","time.seconds":"{n} s","time.minutes":"{n} min","time.hours":"{n} h","time.days":"{n} d" } as const;
