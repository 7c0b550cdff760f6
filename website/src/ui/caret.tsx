/** The little triangle of what opens a menu. */
export function Caret() {
  return (
    <svg width="10" height="10" viewBox="0 0 10 10" fill="currentColor" aria-hidden="true">
      <path d="M1.8 3.2h6.4L5 7.4z" />
    </svg>
  );
}
