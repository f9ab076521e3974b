// VitePress' own theme in the fonts of the reader's system, which need no loading, and a few lines of style.
import theme from 'vitepress/theme-without-fonts';
import './style.css';

export default theme;
